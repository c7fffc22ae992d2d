-- What a caller does that creates jobs and then asks for them: of ten requests two POST a new object, one POSTs one of the
-- same 1000 objects, and seven GET a job, ids from FIRST to FIRST + COUNT - 1 at random.
--   wrk -t2 -c64 -d10s --latency -s Tests/Bench/mixed.lua http://127.0.0.1:3000 -- [COUNT=1000] [FIRST=1]
local threads = 0
local count, first

function setup(thread)
    thread:set("number", threads)
    threads = threads + 1
end

function init(args)
    math.randomseed(os.time() * 1000 + number)
    count = tonumber(args[1] or "1000")
    first = tonumber(args[2] or "1")
end

local function post(object)
    return wrk.format("POST", "/v1/jobs", { ["Content-Type"] = "application/json" }, '{"object_id":' .. object .. '}')
end

function request()
    local dice = math.random(10)
    if dice <= 2 then return post(math.random(1, 2147483647)) end
    if dice == 3 then return post(math.random(1, 1000)) end
    return wrk.format("GET", string.format("/v1/jobs/%d", first + math.random(0, count - 1)))
end
