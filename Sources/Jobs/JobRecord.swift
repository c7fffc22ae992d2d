/// A job as it is stored, for whoever asks how it went.
package struct JobRecord: Sendable, Equatable {
    package let id: JobID
    package let objectID: ObjectID
    package let status: JobStatus
    /// When it was claimed; nil while it waits.
    package let startTime: Timestamp?
    /// When it ended; nil before.
    package let endTime: Timestamp?
    /// Why it failed; nil otherwise.
    package let message: String?
    package let createdAt: Timestamp

    package init(
        id: JobID, objectID: ObjectID, status: JobStatus, startTime: Timestamp?, endTime: Timestamp?, message: String?,
        createdAt: Timestamp
    ) {
        self.id = id
        self.objectID = objectID
        self.status = status
        self.startTime = startTime
        self.endTime = endTime
        self.message = message
        self.createdAt = createdAt
    }
}
