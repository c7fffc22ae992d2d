import Jobs
import Testing

@testable import JobAPI

@Suite struct FinishedJobsTests {
    func job(_ id: Int64, ended: Bool = true, message: String? = nil) -> JobRecord {
        let time = Timestamp(microseconds: 5)
        return JobRecord(
            id: JobID(rawValue: id), objectID: ObjectID(rawValue: 1), status: ended ? .failed : .running,
            startTime: time,
            endTime: ended ? time : nil, message: message, createdAt: time)
    }

    @Test func keepsWhatIsFinished() {
        var jobs = FinishedJobs()
        jobs.keep([job(1), job(2, ended: false)])
        #expect(jobs[JobID(rawValue: 1)] == job(1))
        #expect(jobs[JobID(rawValue: 2)] == nil)
    }

    @Test func tellsJobsOfOneSlotApart() {
        var jobs = FinishedJobs()
        let other = Int64(FinishedJobs.capacity) + 1
        jobs.keep([job(1)])
        #expect(jobs[JobID(rawValue: other)] == nil)
        jobs.keep([job(other)])
        #expect(jobs[JobID(rawValue: 1)] == nil)
        #expect(jobs[JobID(rawValue: other)] == job(other))
    }

    @Test func keepsNoLongMessage() {
        var jobs = FinishedJobs()
        let longest = String(repeating: "x", count: FinishedJobs.messageLimit)
        jobs.keep([job(1, message: longest), job(2, message: longest + "x")])
        #expect(jobs[JobID(rawValue: 1)] != nil)
        #expect(jobs[JobID(rawValue: 2)] == nil)
    }

    @Test func dropsEverythingAfterItsLifetime() {
        var jobs = FinishedJobs()
        jobs.keep([job(1)])
        jobs.dropExpired(now: .now + FinishedJobs.lifetime - .seconds(1))
        #expect(jobs[JobID(rawValue: 1)] != nil)
        jobs.dropExpired(now: .now + FinishedJobs.lifetime)
        #expect(jobs[JobID(rawValue: 1)] == nil)
    }

    @Test func `a new connection to PostgreSQL drops everything`() {
        var jobs = FinishedJobs()
        jobs.dropWhereDatabaseChanged(1)
        jobs.keep([job(1)])
        let isSame = !jobs.dropWhereDatabaseChanged(1)
        #expect(isSame)
        #expect(jobs[JobID(rawValue: 1)] != nil)
        let isAnother = jobs.dropWhereDatabaseChanged(2)
        #expect(isAnother)
        #expect(jobs[JobID(rawValue: 1)] == nil)
    }

    @Test func `a new job whose id is not above all that are kept drops everything`() {
        var jobs = FinishedJobs()
        jobs.keep([job(7), job(5)])
        jobs.dropWhereIDsBeganAgain(JobID(rawValue: 8))
        #expect(jobs[JobID(rawValue: 7)] != nil)
        jobs.dropWhereIDsBeganAgain(JobID(rawValue: 7))
        #expect(jobs[JobID(rawValue: 7)] == nil)
        #expect(jobs[JobID(rawValue: 5)] == nil)
        // From then on the new ids count.
        jobs.keep([job(2)])
        jobs.dropWhereIDsBeganAgain(JobID(rawValue: 3))
        #expect(jobs[JobID(rawValue: 2)] != nil)
    }
}
