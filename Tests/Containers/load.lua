-- For wrk: of ten requests three POST one of 1000 objects, and seven GET job 1.
function request()
    if math.random(10) > 3 then return wrk.format("GET", "/v1/jobs/1") end
    return wrk.format("POST", "/v1/jobs", { ["Content-Type"] = "application/json" },
        '{"object_id":' .. math.random(1, 1000) .. '}')
end
