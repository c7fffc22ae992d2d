enum JobStoragePlaceholder {}
