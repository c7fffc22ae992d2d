enum JobAPIPlaceholder {}
