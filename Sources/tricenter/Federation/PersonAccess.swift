import ArgumentParser
import Federation
import Glibc
import HTTP
import KubeClient
import KubeModel
import NIOPosix
import Primitives

/// How people's commands reach the federation: with a kubeconfig, as kubectl does. Every server that it names under the same authority is
/// tried, and every center's own address once the centers are known: any center that is left will do.
struct PersonOptions: ParsableArguments {
  @Option(help: "The kubeconfig; $KUBECONFIG or ~/.kube/config by default.") var kubeconfig: String?

  func access() throws -> PersonAccess {
    func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 } }
    let listed: [String] = (variable("KUBECONFIG") ?? "").split(separator: ":").map(String.init)
    let home: String = "\(variable("HOME") ?? "/root")/.kube/config"
    let path: String = kubeconfig ?? listed.first { Glibc.access($0, R_OK) == 0 } ?? listed.first ?? home
    do {
      return PersonAccess(file: try KubeconfigFile(path: path))
    } catch {
      throw CommandFailure(.unknown, "There is no way to the federation: \(error). Name a kubeconfig with --kubeconfig or KUBECONFIG.")
    }
  }
}

/// The exit codes that every command has: 0 done, 1 failed, 2 refused, 3 unknown.
enum Outcome: Int32 {
  case done = 0, failed = 1, refused = 2, unknown = 3
  var code: ExitCode { ExitCode(rawValue) }
}

/// What ends a command, in a sentence.
struct CommandFailure: Error, CustomStringConvertible {
  let outcome: Outcome
  let description: String
  init(_ outcome: Outcome, _ description: String) {
    self.outcome = outcome
    self.description = description
  }

  /// Runs a command's body: whatever it throws becomes a sentence on standard error and one of the four exit codes.
  static func told(_ body: () async throws -> Void) async throws {
    do {
      try await body()
    } catch let failure as CommandFailure {
      printError(failure.description)
      throw failure.outcome.code
    } catch let error as KubeError {
      printError(error.message)
      throw (error.isRefusal ? Outcome.refused : error.code == .notFound ? .failed : .unknown).code
    }
  }
}

extension KubeError {
  /// The API has said no, and would say it again.
  var isRefusal: Bool { [.forbidden, .unauthorized, .invalid, .badRequest].contains(code) }
}

final class PersonAccess: Sendable {
  let file: KubeconfigFile
  let clock = SystemClock()

  init(file: KubeconfigFile) { self.file = file }

  /// - Parameters:
  ///   - first: addresses to try before the kubeconfig's.
  ///   - more: addresses beyond the kubeconfig's.
  func client(
    first: [HTTPClientConfiguration.Target] = [], more: [HTTPClientConfiguration.Target] = []
  ) throws -> KubeClient {
    var targets: [HTTPClientConfiguration.Target] = first
    for target in file.servers.map({ .host($0.host, port: $0.port) }) + more where !targets.contains(target) { targets.append(target) }
    var configuration = HTTPClientConfiguration(targets: targets, tls: try file.clientTLS())
    configuration.serverName = file.serverName
    configuration.noticesDeadServersQuickly()
    configuration.responseTimeout = .seconds(3)
    var client = KubeClient(transport: HTTPClient(configuration), fieldManager: "tricenter")
    client.followsRetryAfter = false
    client.requestTimeout = .seconds(3)
    return client
  }

  /// With every center's address, as far as one of them tells.
  func everyCenter() async throws -> KubeClient {
    let first: KubeClient = try client()
    guard file.serverName == nil, let centers: [KubeObject] = try? await first.list(.centers, resourceVersion: "0").items else {
      return first
    }
    let endpoints: [HTTPClientConfiguration.Target] = centers.flatMap { $0.spec["endpoints"].array.compactMap(\.string) }
      .compactMap { EndpointURL($0) }.map { .host($0.host, port: $0.port) }
    return try client(more: endpoints)
  }

  /// Asks again while nobody answers: a center may just be dying. Refusals are not asked again.
  func patiently<Result: Sendable>(_ limit: Duration, _ body: @Sendable () async throws -> Result) async throws -> Result {
    let deadline: MonotonicTime = clock.now() + limit
    while true {
      do {
        return try await body()
      } catch let error as KubeError where !error.isRefusal && ![.notFound, .alreadyExists, .conflict].contains(error.code) {
        guard clock.now() < deadline else { throw error }
        try await Task.sleep(for: .milliseconds(250))
      }
    }
  }
}
