-- POST /v1/jobs: the same 1000 objects again and again. Within the deduplication window the answer is the job that is
-- there already (200).
--   wrk -t2 -c64 -d10s --latency -s Tests/Bench/post-repeat.lua http://127.0.0.1:3000 -- [OBJECTS=1000]
local objects

function init(args)
    objects = tonumber(args[1] or "1000")
end

function request()
    return wrk.format("POST", "/v1/jobs", { ["Content-Type"] = "application/json" },
        '{"object_id":' .. math.random(1, objects) .. '}')
end
