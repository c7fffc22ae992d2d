// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

func target(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func executable(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

let package = Package(
    name: "job-service",
    products: [
        .library(name: "JobWorker", targets: ["JobWorker"]),
        .executable(name: "job-fcgi", targets: ["job-fcgi"]),
        .executable(name: "job-worker", targets: ["job-worker"]),
        .executable(name: "job-migrate", targets: ["job-migrate"]),
    ],
    targets: [
        // System libraries, and the Linux calls that Swift's Glibc module does not import.
        .systemLibrary(name: "CFCGI", providers: [.apt(["libfcgi-dev"])]),
        .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
        .target(name: "CLinux", cSettings: [.treatAllWarnings(as: .error)]),

        // Wrappers: each owns its C pointers, none knows what a job is.
        target("FastCGI", ["CFCGI", "CLinux"]),
        target("Postgres", ["CLibPQ", "Service"]),
        target("Redis", ["CHiredis", "Service"]),

        target("Service", ["CLinux"]),
        target("Jobs"),
        target("JobStorage", ["Jobs", "Postgres", "Redis"]),
        target("JobAPI", ["Jobs", "JobStorage", "FastCGI", "Postgres", "Service"]),
        target("JobWorker", ["Jobs", "JobStorage", "Postgres", "Service", "CLinux"]),

        executable("job-fcgi", ["JobAPI", "Service"]),
        executable("job-worker", ["JobWorker"]),
        executable("job-migrate", ["JobStorage", "Postgres", "Service"]),

        .executableTarget(
            name: "noop-worker", dependencies: ["JobWorker"], path: "Tests/Bench/noop-worker", swiftSettings: strict),

        .target(
            name: "TestSupport", dependencies: ["JobStorage", "Jobs", "Postgres", "Redis"], path: "Tests/TestSupport",
            swiftSettings: strict),
        tests("JobsTests", ["Jobs"]),
        tests("ServiceTests", ["Service"]),
        tests("JobAPITests", ["JobAPI", "Jobs", "TestSupport"]),
        tests("JobWorkerTests", ["JobWorker", "Jobs", "Service", "TestSupport"]),
        tests("IntegrationTests", ["JobStorage", "JobWorker", "Jobs", "Postgres", "Redis", "Service", "TestSupport"]),
        tests("EndToEndTests", ["TestSupport"]),
    ],
    swiftLanguageModes: [.v6]
)

// For `make fuzz` alone: it is linked with libFuzzer, which nothing else needs.
if Context.environment["FUZZ"] != nil {
    package.targets.append(
        .executableTarget(
            name: "fuzz", dependencies: ["JobAPI", "JobStorage", "Jobs", "Redis", "CHiredis", "Service"],
            path: "Tests/Fuzz", exclude: ["corpus", "dictionaries", "fuzz"], swiftSettings: strict))
}
