/// The answer to a wish for a job: which one it is, and whether it was made just now.
package struct Creation: Sendable, Equatable {
    package let id: JobID
    package let objectID: ObjectID
    /// False where the object had a job in the window already.
    package let isNew: Bool

    package init(id: JobID, objectID: ObjectID, isNew: Bool) {
        self.id = id
        self.objectID = objectID
        self.isNew = isNew
    }
}
