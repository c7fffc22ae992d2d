enum JobAPITestsPlaceholder {}
