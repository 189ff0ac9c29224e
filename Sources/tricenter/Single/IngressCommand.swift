import ArgumentParser
import Glibc
import Ingress
import TLS

struct IngressCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ingress", abstract: "Run the ingress alone: Services reached by host name through nginx.")
  @OptionGroup var options: DaemonOptions
  @OptionGroup var api: APIOptions
  @Option(help: "What nginx listens on: PORT, or ADDRESS:PORT. May be repeated.") var listen: [String] = ["80"]
  @Option(help: "Absolute folder of nginx's configuration, log and pid file; made if missing.") var folder: String
  @Option(help: "Port of /metrics, /livez and /readyz (ingress-nginx's).") var adminPort: Int = 10_254

  func validate() throws {
    guard folder.hasPrefix("/"), !folder.contains(where: { $0.isWhitespace || "\"';".contains($0) }) else {
      throw ValidationError("--folder \(folder) must be an absolute path without white space, quotes and semicolons")
    }
    for address in listen where !address.allSatisfy({ $0.isNumber || $0.isLetter || ".:[]-*".contains($0) }) || address.isEmpty {
      throw ValidationError("--listen \(address) is neither PORT nor ADDRESS:PORT")
    }
  }

  func run() async throws {
    let daemon = SingleDaemon("ingress", try options.load(), certificate: .proxy, adminPort: adminPort)
    try SecretFile.makeDirectory(folder)
    let controller = IngressController(
      client: try daemon.access(api).client(.ingress), configuration: NginxConfiguration(listen: listen, folder: folder),
      health: daemon.health)
    try await runDaemon { try await daemon.run([("ingress", { try await controller.run() })]) }
  }
}
