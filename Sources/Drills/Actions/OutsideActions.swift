import HTTP
import HTTPTypes
import NIOCore
import Primitives
import Site

/// What is not ours: other services over HTTP, programs on hosts, people.
enum OutsideActions {
  /// Every asked server answers the name, with addresses of the center if one is named.
  @Sendable static func dns(_ context: DrillContext, _ call: StepCall) async throws -> String {
    // Of a copy only those that have power.
    let all: [Host] = context.hostsWithPower ?? context.site.hosts
    let hosts: [Host] = call["center"].isEmpty ? all : context.site.center(call.center)?.hosts ?? []
    let wanted: [String]? =
      call["answers"].isEmpty ? nil : context.site.center(CenterName(call["answers"]))?.hosts.map(\.address.description)
    return try await context.until(call.deadline) {
      var told: Set<String> = []
      for host in hosts {
        let resolver = GlobalResolver(servers: [host.address.description], port: context.site.ports.dns, loop: context.nameLoop)
        let addresses: [String] = try await resolver.resolve(call["name"], first: 0).answer.addresses
        if let wanted, let strange: String = addresses.first(where: { !wanted.contains($0) }) {
          throw DrillError(.notMet, "\(host.name) answers \(strange) for \(call["name"]), which is not of \(call["answers"]).")
        }
        told.formUnion(addresses)
      }
      return "\(hosts.count) servers answer \(told.sorted().joined(separator: ", "))"
    }
  }

  @Sendable static func httpGet(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let wanted: Int = call.number("status") ?? 200
    return try await context.until(call.deadline) {
      let (status, body) = try await ask(context, .get, call["url"], nil, call)
      guard status == wanted else { throw DrillError(.notMet, "\(call["url"]) answers \(status), not \(wanted).") }
      guard call["contains"].isEmpty || body.contains(call["contains"]) else {
        throw DrillError(.notMet, "\(call["url"]) answers without \"\(call["contains"])\": \(body.prefix(200))")
      }
      return "\(status), \(body.utf8.count) bytes"
    }
  }

  /// Sent with `Idempotency-Key`, once: an answer that was lost is not asked for again unless somebody can tell whether it arrived.
  @Sendable static func httpCall(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let method = HTTPRequest.Method(call["method"]) ?? .post
    let (status, body) = try await ask(context, method, call["url"], call.inputs["body"], call)
    let isGood: Bool = call.number("status").map { $0 == status } ?? (200..<300).contains(status)
    guard isGood else { throw DrillError(.failed, "\(call["url"]) answers \(status): \(body.prefix(200))") }
    return "\(call["method"]) \(status) \(body.prefix(120))"
  }

  /// PUT and DELETE mean the same when they are sent twice (RFC 9110 §9.2.2); the others need a place to ask.
  @Sendable static func httpProbe(_ context: DrillContext, _ call: StepCall) async throws -> ActionDescription.Answer {
    guard !call["probe"].isEmpty else {
      return ["PUT", "DELETE"].contains(call["method"])
        ? .notHappened
        : .unknown("\(call["method"]) \(call["url"]) may have arrived, and the step names no `probe` to ask")
    }
    let (status, body) = try await ask(context, .get, call["probe"], nil, call)
    return status == call.number("probeStatus") ?? 200 ? .happened("\(call["probe"]) answers \(status): \(body.prefix(120))") : .notHappened
  }

  private static func ask(
    _ context: DrillContext, _ method: HTTPRequest.Method, _ address: String, _ body: String?, _ call: StepCall
  ) async throws -> (status: Int, body: String) {
    guard let url = WebAddress(address) else { throw DrillError(.badRunbook, "\"\(address)\" is no address such as http://host:port/path") }
    var configuration = HTTPClientConfiguration(
      targets: [.host(url.host, port: url.port)], tls: url.isSecure ? context.clientTLS : nil, group: context.group)
    configuration.version = url.isSecure ? .automatic : .http1
    configuration.connectTimeout = .seconds(2)
    configuration.responseTimeout = max(.milliseconds(100), call.deadline - context.clock.now())
    let client = HTTPClient(configuration)
    defer { client.close() }
    var request = HTTPRequest(method: method, scheme: url.isSecure ? "https" : "http", authority: url.authority, path: url.path)
    if let name = HTTPField.Name("Idempotency-Key") { request.headerFields[name] = call.key }
    if let body, !body.isEmpty { request.headerFields[.contentType] = call.inputs["contentType"] ?? "application/json" }
    let response: ClientResponse = try await client.execute(request, body: body.map { ByteBuffer(string: $0) })
    let bytes: ByteBuffer = try await response.body.collect(upTo: 1 << 20)
    return (response.head.status.code, Bytes(bytes.readableBytesView).text)
  }

  @Sendable static func hostRun(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let command: Runbook.HostCommand = try command(context, call)
    return try await run(context, call, command.run)
  }

  /// Runs the command's `probe`, which only looks.
  @Sendable static func hostCheck(_ context: DrillContext, _ call: StepCall) async throws -> String {
    guard let words: [String] = try command(context, call).probe else {
      throw DrillError(.badRunbook, "host.check runs the probe of the command \(call["command"]), and it has none.")
    }
    return try await context.until(call.deadline, every: .milliseconds(500)) { try await run(context, call, words) }
  }

  @Sendable static func hostProbe(_ context: DrillContext, _ call: StepCall) async throws -> ActionDescription.Answer {
    guard let words: [String] = try command(context, call).probe else {
      return .unknown("\(call["command"]) may have run on \(call["host"]), and the command has no `probe`")
    }
    let outcome = try await executor(context).run(
      words, on: HostName(call["host"]), timeout: max(.seconds(1), call.deadline - context.clock.now()))
    return outcome.status == 0 ? .happened(outcome.output.prefix(200).description) : .notHappened
  }

  private static func command(_ context: DrillContext, _ call: StepCall) throws -> Runbook.HostCommand {
    guard let command: Runbook.HostCommand = context.commands[call["command"]] else {
      throw DrillError(.badRunbook, "The runbook has no command \(call["command"]).")
    }
    return command
  }

  private static func executor(_ context: DrillContext) throws -> any HostExecutor {
    guard let executor: any HostExecutor = context.executor else {
      throw DrillError(
        .refused,
        "Nothing says how to run a program on a host here: the site file needs `hostCommand`, such as [ssh, -o, BatchMode=yes, \"{address}\"]."
      )
    }
    return executor
  }

  private static func run(_ context: DrillContext, _ call: StepCall, _ words: [String]) async throws -> String {
    let left: Duration = max(.seconds(1), call.deadline - context.clock.now())
    let outcome = try await executor(context).run(words, on: HostName(call["host"]), timeout: left)
    guard outcome.status == 0 else {
      throw DrillError(
        .failed,
        "\(call["command"]) on \(call["host"]) (`\(words.joined(separator: " ").prefix(60))`) ended with status "
          + "\(outcome.status): \(outcome.output)")
    }
    return outcome.output.isEmpty ? "done on \(call["host"])" : "\(call["host"]): \(outcome.output.prefix(300))"
  }

  /// Nothing by itself: the step's approval is the answer.
  @Sendable static func confirmed(_ context: DrillContext, _ call: StepCall) async throws -> String { call["question"] }
}

/// `http://host:port/path`, as an action takes it.
struct WebAddress {
  var isSecure: Bool
  var host: String
  var port: Int
  var path: String
  var authority: String

  init?(_ text: String) {
    let scheme: String
    if text.hasPrefix("https://") { scheme = "https://" } else if text.hasPrefix("http://") { scheme = "http://" } else { return nil }
    isSecure = scheme == "https://"
    let rest: Substring = text.dropFirst(scheme.count)
    let slash: Substring.Index = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
    authority = String(rest[..<slash])
    path = slash == rest.endIndex ? "/" : rest[slash] == "?" ? "/" + rest[slash...] : String(rest[slash...])
    let parts: [Substring] = authority.split(separator: ":", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), let name = parts.first, !name.isEmpty, !authority.contains("@") else { return nil }
    host = String(name)
    guard parts.count == 2 else {
      port = isSecure ? 443 : 80
      return
    }
    guard let number = Int(parts[1]), (1...65_535).contains(number) else { return nil }
    port = number
  }
}
