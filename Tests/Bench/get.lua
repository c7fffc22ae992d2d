-- GET /v1/jobs/{id}, ids from FIRST to FIRST + COUNT - 1 at random. The jobs have to be there: a 404 counts as an error.
--   wrk -t2 -c64 -d10s --latency -s Tests/Bench/get.lua http://127.0.0.1:3000 -- [COUNT=1000] [FIRST=1] [IF-NONE-MATCH]
local threads = 0
local count, first, headers

function setup(thread)
    thread:set("number", threads)
    threads = threads + 1
end

function init(args)
    math.randomseed(os.time() * 1000 + number)
    count = tonumber(args[1] or "1000")
    first = tonumber(args[2] or "1")
    headers = args[3] and { ["If-None-Match"] = args[3] }
end

function request()
    return wrk.format("GET", string.format("/v1/jobs/%d", first + math.random(0, count - 1)), headers)
end
