-- For wrk: of ten requests three POST one of 1000 objects, and seven GET one of the first 1000 jobs.
function request()
    if math.random(10) <= 3 then
        return wrk.format("POST", "/v1/jobs", { ["Content-Type"] = "application/json" },
            '{"object_id":' .. math.random(1, 1000) .. '}')
    end
    return wrk.format("GET", "/v1/jobs/" .. math.random(1, 1000))
end
