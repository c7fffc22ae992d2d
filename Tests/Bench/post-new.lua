-- POST /v1/jobs: a new object with every request, so each makes a job (201).
--   wrk -t2 -c64 -d10s --latency -s Tests/Bench/post-new.lua http://127.0.0.1:3000
local threads = 0

function setup(thread)
    thread:set("number", threads)
    threads = threads + 1
end

function init()
    math.randomseed(os.time() * 1000 + number)
end

function request()
    return wrk.format("POST", "/v1/jobs", { ["Content-Type"] = "application/json" },
        '{"object_id":' .. math.random(1, 2147483647) .. '}')
end
