import HTTP
import HTTPTypes
import Primitives
import Site

/// Whether the API of one host is believed by a client of the federation.
enum CertificateActions {
  @Sendable static func check(_ context: DrillContext, _ call: StepCall) async throws -> String {
    guard let host: Host = context.site.host(HostName(call["host"])) else {
      throw DrillError(.badRunbook, "No host is called \(call["host"]).")
    }
    let isGood: Bool = call["state"] == "good"
    return try await context.until(call.deadline, every: .milliseconds(200)) {
      do {
        let status: Int = try await ask(context, host)
        guard isGood else { throw DrillError(.notMet, "\(host.name) is believed: it answers \(status).") }
        return "\(host.name) is believed, and answers \(status)"
      } catch let error as HTTPError {
        let reason = "\(error)"
        guard !isGood, reason.contains("certificate") else { throw DrillError(.notMet, "\(host.name): \(reason)") }
        return "\(host.name) is not believed: \(reason.prefix(200))"
      }
    }
  }

  /// On a connection of its own: a certificate is looked at when one is made.
  private static func ask(_ context: DrillContext, _ host: Host) async throws -> Int {
    var configuration = HTTPClientConfiguration(
      targets: [.host(host.address.description, port: context.site.ports.apiserver)], tls: context.clientTLS, group: context.group)
    configuration.connectTimeout = .seconds(2)
    configuration.responseTimeout = .seconds(2)
    let client = HTTPClient(configuration)
    defer { client.close() }
    let request = HTTPRequest(method: .get, scheme: "https", authority: host.name.value, path: "/livez")
    return try await client.execute(request, body: nil).head.status.code
  }
}
