// swift-tools-version: 6.2
import Foundation
import PackageDescription

// One package, one executable. Arrows between modules point one way; the table in README.md is the law and
// Tests/TidyTests checks the imports against it.
//
// TRICENTER_ONLY=Consensus,Keyspace narrows the package to these modules, what they import and their tests:
// two cores then build seconds instead of minutes while one works in one room.

let strict: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  // Decided once (switching recompiles everything): 8 to 20 % CPU in release, no effect on what compiles.
  .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

let nio: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioHTTP2: Target.Dependency = .product(name: "NIOHTTP2", package: "swift-nio-http2")
let nioHPACK: Target.Dependency = .product(name: "NIOHPACK", package: "swift-nio-http2")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let metrics: Target.Dependency = .product(name: "Metrics", package: "swift-metrics")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

// What the seeded simulation spends its time in is optimised in debug builds, too: the histories that the test command can afford grow by
// the factor that this makes. `DEBUG`, preconditions and @testable stay.
let simulated: [SwiftSetting] = [.unsafeFlags(["-O"], .when(configuration: .debug))]
// Where the objects are whose every access would be watched, a fifteenth of a history's time; release builds do not watch, either.
let unwatched: [SwiftSetting] = [.unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .debug))]
let simulatedModules: Set<String> = ["Primitives", "Consensus", "Keyspace", "Journal", "Store"]

struct Module {
  var name: String
  var modules: [String]
  var libraries: [Target.Dependency] = []
  var testModules: [String] = []
  var testLibraries: [Target.Dependency] = []
}

let modules: [Module] = [
  Module(name: "Primitives", modules: []),
  Module(name: "Observability", modules: ["Primitives"], libraries: [logging, metrics]),
  Module(name: "Processes", modules: ["Primitives"]),
  Module(name: "Site", modules: ["Primitives"], libraries: [yams]),
  Module(
    name: "TLS", modules: ["Primitives", "COpenSSL"], libraries: [nio, nioPosix, logging], testModules: ["Processes"],
    testLibraries: [nioEmbedded]),
  Module(
    name: "HTTP", modules: ["Primitives", "TLS", "Observability"],
    libraries: [nio, nioPosix, nioHTTP1, nioHTTP2, nioHPACK, logging, httpTypes], testModules: ["Processes"], testLibraries: [nioEmbedded]),
  Module(name: "Consensus", modules: ["Primitives"]),
  Module(name: "Keyspace", modules: ["Primitives"]),
  Module(name: "Journal", modules: ["Primitives", "CLinux"]),
  Module(name: "SiteLink", modules: ["Primitives", "TLS", "CZstd"], libraries: [nio, nioPosix, logging], testLibraries: [nioEmbedded]),
  Module(
    name: "Store", modules: ["Primitives", "Observability", "Consensus", "Keyspace", "Journal", "SiteLink", "TLS"],
    libraries: [nio, nioPosix, logging, metrics]),
  Module(
    name: "EtcdAPI", modules: ["Primitives", "Observability", "Store", "HTTP", "Keyspace", "TLS"],
    libraries: [nio, nioPosix, logging, metrics, httpTypes], testModules: ["Processes"]),
  Module(
    name: "Benchmarks", modules: ["Primitives", "Processes", "TLS", "HTTP", "Lab", "Site", "CLinux"],
    libraries: [nio, nioPosix, nioHPACK]),
  Module(name: "KubeModel", modules: ["Primitives"]),
  Module(
    name: "APIServer", modules: ["Primitives", "Observability", "KubeModel", "HTTP", "Keyspace", "TLS"],
    libraries: [nio, nioPosix, logging, metrics, httpTypes, yams], testModules: ["Processes"]),
  Module(
    name: "KubeClient", modules: ["Primitives", "Observability", "KubeModel", "HTTP", "TLS"],
    libraries: [nio, logging, metrics, httpTypes],
    testModules: ["APIServer", "Keyspace"]),
  Module(
    name: "Controllers", modules: ["Primitives", "Observability", "KubeClient", "KubeModel"], libraries: [logging, metrics],
    testModules: ["APIServer", "Keyspace", "HTTP", "TLS"], testLibraries: [yams]),
  Module(
    name: "Scheduler", modules: ["Primitives", "Observability", "KubeClient", "KubeModel"], libraries: [logging, metrics],
    testModules: ["APIServer", "Keyspace", "HTTP", "TLS"], testLibraries: [yams]),
  Module(
    name: "PodNetwork", modules: ["Primitives", "Observability", "Processes", "KubeClient", "KubeModel"], libraries: [logging],
    testModules: ["HTTP"], testLibraries: [nio, httpTypes]),
  Module(
    name: "Kubelet", modules: ["Primitives", "Observability", "KubeClient", "KubeModel", "HTTP", "TLS", "PodNetwork", "CLinux"],
    libraries: [nio, nioPosix, logging, metrics, httpTypes], testModules: ["APIServer", "Keyspace", "Processes"]),
  Module(
    name: "ServiceProxy", modules: ["Primitives", "Observability", "Processes", "KubeClient", "KubeModel"],
    libraries: [nio, nioPosix, logging, metrics]),
  Module(
    name: "ClusterDNS", modules: ["Primitives", "Observability", "KubeClient", "KubeModel"],
    libraries: [nio, nioPosix, logging, metrics], testModules: ["Processes"], testLibraries: [nioEmbedded]),
  Module(
    name: "Ingress", modules: ["Primitives", "Observability", "Processes", "KubeClient", "KubeModel"], libraries: [logging],
    testModules: ["APIServer", "Keyspace", "HTTP", "TLS"]),
  Module(
    name: "Federation", modules: ["Primitives", "Observability", "Site", "KubeClient", "KubeModel", "Store", "Keyspace"],
    libraries: [logging, metrics], testModules: ["APIServer", "HTTP", "TLS"], testLibraries: [nio, httpTypes]),
  Module(
    name: "Drills",
    modules: ["Primitives", "Observability", "Processes", "Site", "Federation", "KubeClient", "KubeModel", "HTTP", "TLS"],
    libraries: [logging, yams, httpTypes], testModules: ["APIServer", "Keyspace"], testLibraries: [nio]),
  Module(name: "Lab", modules: ["Primitives", "Observability", "Processes", "Site", "TLS", "CLinux"], libraries: [logging]),
  Module(name: "Histories", modules: ["Primitives"]),
  Module(
    name: "Torture", modules: ["Primitives", "Processes", "Site", "TLS", "HTTP", "Keyspace", "EtcdAPI", "Lab", "Histories"],
    libraries: [nio, nioPosix, logging, httpTypes]),
  Module(
    name: "Console", modules: ["Primitives", "Observability", "KubeClient", "KubeModel", "Federation", "HTTP"],
    libraries: [nio, logging, httpTypes], testModules: ["APIServer", "Keyspace", "TLS"]),
]

/// What the seeded simulation runs, and imports.
let simulationModules: [String] = ["Primitives", "Consensus", "Keyspace", "Journal", "Store", "SiteLink"]
let simulationLibraries: [Target.Dependency] = [nio, logging]
let executableModules: [String] = modules.map(\.name)
let executableLibraries: [Target.Dependency] = [arguments, nio, nioPosix, logging, metrics, yams, httpTypes]

func wantedModules() -> Set<String>? {
  guard let only = Context.environment["TRICENTER_ONLY"], !only.isEmpty else { return nil }
  // TestSupport imports Primitives, whichever room it is for.
  var wanted: Set<String> = ["Primitives"]
  var open: [String] = only.split(separator: ",").map(String.init)
  while let name: String = open.popLast() {
    guard wanted.insert(name).inserted else { continue }
    if name == "tricenter" || name == "EndToEnd" {
      open += executableModules + ["tricenter"]
      continue
    }
    if name == "Simulation" { open += simulationModules }
    guard let module: Module = modules.first(where: { $0.name == name }) else { continue }
    open += module.modules
  }
  return wanted
}

let root: String = Context.packageDirectory

/// A folder counts as a target once it holds a Swift file.
func hasSources(_ folder: String) -> Bool {
  guard let files = FileManager.default.enumerator(atPath: root + "/" + folder) else { return false }
  return files.contains { ($0 as? String)?.hasSuffix(".swift") ?? false }
}

/// Transcripts and golden YAML lie in `testdata` beside the tests that read them by path.
func unbuilt(_ folder: String, _ names: [String]) -> [String] {
  names.filter { FileManager.default.fileExists(atPath: root + "/" + folder + "/" + $0) }
}

let wanted: Set<String>? = wantedModules()
// The modules named in TRICENTER_ONLY bring their tests; what they import does not.
let tested: Set<String>? = Context.environment["TRICENTER_ONLY"].flatMap { only in
  only.isEmpty ? nil : Set(only.split(separator: ",").map(String.init))
}

let systemModules: Set<String> = ["COpenSSL", "CLinux", "CZstd"]

func present(_ names: [String]) -> [String] {
  names.filter { systemModules.contains($0) || $0 == "TestSupport" || hasSources("Sources/\($0)") }
}

var targets: [Target] = [
  .systemLibrary(name: "CLinux", path: "Sources/CLinux"),
  .systemLibrary(name: "COpenSSL", path: "Sources/COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
  .systemLibrary(name: "CZstd", path: "Sources/CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
]
// What a test target needs beyond its module must be in the package as well.
let forTests: Set<String> = Set(
  modules.filter { tested?.contains($0.name) ?? true }.flatMap { module in module.testModules }
    .flatMap { name in [name] + (modules.first { $0.name == name }?.modules ?? []) })

for module in modules {
  let included: Bool = wanted.map { $0.contains(module.name) || forTests.contains(module.name) } ?? true
  if included, hasSources("Sources/\(module.name)") {
    targets.append(
      .target(
        name: module.name,
        dependencies: present(module.modules).map { .target(name: $0) } + module.libraries,
        exclude: unbuilt("Sources/\(module.name)", ["README.md", "data"]),
        swiftSettings: strict + (simulatedModules.contains(module.name) ? simulated : []) + (module.name == "Store" ? unwatched : [])))
  }
  if tested.map({ $0.contains(module.name) }) ?? true, hasSources("Tests/\(module.name)Tests") {
    targets.append(
      .testTarget(
        name: "\(module.name)Tests",
        dependencies: present([module.name] + module.modules + module.testModules + ["TestSupport"])
          .filter { !systemModules.contains($0) }.map { .target(name: $0) } + module.libraries + module.testLibraries,
        exclude: unbuilt("Tests/\(module.name)Tests", ["testdata"]),
        swiftSettings: strict))
  }
}
targets.append(
  .target(name: "TestSupport", dependencies: ["Primitives"], path: "Tests/TestSupport", exclude: ["README.md"], swiftSettings: strict))

if wanted?.contains("tricenter") ?? true, hasSources("Sources/tricenter") {
  targets.append(
    .executableTarget(
      name: "tricenter",
      dependencies: present(executableModules + ["Simulation"]).map { .target(name: $0) } + executableLibraries,
      exclude: ["README.md"],
      swiftSettings: strict))
  if hasSources("Tests/EndToEndTests") {
    targets.append(
      .testTarget(
        name: "EndToEndTests",
        dependencies: present(["CLinux", "TestSupport"] + executableModules).map { .target(name: $0) } + executableLibraries,
        exclude: unbuilt("Tests/EndToEndTests", ["testdata"]),
        swiftSettings: strict))
  }
}
// The seeded world: five members, three centers, one seed. A room of its own, since both the test command and
// `tricenter simulate` run it.
if wanted.map({ $0.contains("Simulation") || $0.contains("tricenter") }) ?? true, hasSources("Sources/Simulation") {
  targets.append(
    .target(
      name: "Simulation", dependencies: present(simulationModules).map { .target(name: $0) } + simulationLibraries,
      exclude: ["README.md"], swiftSettings: strict + simulated + unwatched))
}
if tested.map({ $0.contains("Simulation") }) ?? true, hasSources("Tests/SimulationTests") {
  targets.append(
    .testTarget(
      name: "SimulationTests",
      dependencies: present(["Simulation", "TestSupport"] + simulationModules).map { .target(name: $0) } + simulationLibraries,
      exclude: unbuilt("Tests/SimulationTests", ["testdata"]), swiftSettings: strict))
}
if tested.map({ $0.contains("Tidy") }) ?? true, hasSources("Tests/TidyTests") {
  targets.append(.testTarget(name: "TidyTests", dependencies: ["TestSupport"], swiftSettings: strict))
}

let package = Package(
  name: "tricenter",
  products: targets.contains { $0.name == "tricenter" } ? [.executable(name: "tricenter", targets: ["tricenter"])] : [],
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: targets,
  swiftLanguageModes: [.v6]
)
