enum JobWorkerPlaceholder {}
