import HTTP
import NIOCore
import NIOPosix
import Primitives

public struct ProbeOutcome: Hashable, Sendable {
  public var succeeded: Bool
  /// Why not, as events say it.
  public var message: String
  public init(succeeded: Bool, message: String) {
    self.succeeded = succeeded
    self.message = message
  }
}

/// Probes that go over the network.
public protocol Prober: Sendable {
  /// `address`: the pod's, used where the action names no host.
  func probe(_ action: ProbeAction, address: String, timeout: Duration) async -> ProbeOutcome
}

/// HTTP and TCP from this process's own network namespace to the pod's address, a new connection each time (k8s: "Probe mechanisms").
public struct NetworkProber: Prober {
  private let group: any EventLoopGroup
  public init(group: any EventLoopGroup) { self.group = group }

  public func probe(_ action: ProbeAction, address: String, timeout: Duration) async -> ProbeOutcome {
    switch action {
    case .tcp(let host, let port):
      do {
        let channel: any Channel = try await ClientBootstrap(group: group).connectTimeout(TimeAmount(timeout))
          .connect(host: host.isEmpty ? address : host, port: port).get()
        channel.close(promise: nil)
        return ProbeOutcome(succeeded: true, message: "")
      } catch {
        return ProbeOutcome(succeeded: false, message: "dial tcp \(host.isEmpty ? address : host):\(port): \(Self.reason(error))")
      }
    case .http(let scheme, let host, let port, let path, let headers):
      guard scheme.uppercased() == "HTTP" else {
        return ProbeOutcome(
          succeeded: false, message: "probes with scheme \(scheme) are not supported by this kubelet; HTTP, TCP, gRPC and exec are")
      }
      return await http(host.isEmpty ? address : host, port, path, headers, timeout)
    case .grpc(let port, let service): return await health(address, port, service, timeout)
    case .unusable(let why): return ProbeOutcome(succeeded: false, message: "the probe cannot be carried out: \(why)")
    case .exec, .sleep: return ProbeOutcome(succeeded: false, message: "exec and sleep are not network probes")
    }
  }

  /// Source: https://github.com/grpc/grpc/blob/master/doc/health-checking.md
  private func health(_ host: String, _ port: Int, _ service: String, _ timeout: Duration) async -> ProbeOutcome {
    var configuration = HTTPClientConfiguration(targets: [.host(host, port: port)], version: .http2, group: group)
    configuration.connectTimeout = timeout
    let client = GRPCClient(HTTPClient(configuration), authority: "\(host):\(port)", messageLimit: KubeletLimits.probeBodyBytes)
    defer { client.http.close() }
    do {
      var answer: ProtobufReader = try await client.unary("/grpc.health.v1.Health/Check", timeout: timeout) { $0.string(1, service) }
      var status: UInt32 = 0
      while let field: ProtobufReader.Field = try answer.next() {
        if field.number == 1 { status = try answer.uint32(field) } else { try answer.skip(field) }
      }
      // ServingStatus: UNKNOWN 0, SERVING 1, NOT_SERVING 2, SERVICE_UNKNOWN 3.
      return status == 1
        ? ProbeOutcome(succeeded: true, message: "")
        : ProbeOutcome(succeeded: false, message: "service unhealthy (responded with status \(status))")
    } catch {
      return ProbeOutcome(succeeded: false, message: "health rpc to \(host):\(port) failed: \(Self.reason(error))")
    }
  }

  private func http(_ host: String, _ port: Int, _ path: String, _ headers: [ProbeAction.Header], _ timeout: Duration) async -> ProbeOutcome
  {
    var request: String = "GET \(path) HTTP/1.1\r\n"
    if !headers.contains(where: { $0.name.lowercased() == "host" }) { request += "Host: \(host):\(port)\r\n" }
    request += "User-Agent: kube-probe/1.36\r\nAccept: */*\r\nConnection: close\r\n"
    // A line break in a header would be a second header.
    for header in headers where !(header.name + header.value).utf8.contains(where: { $0 == 10 || $0 == 13 }) {
      request += "\(header.name): \(header.value)\r\n"
    }
    request += "\r\n"
    let text: String = request
    do {
      let answer: EventLoopPromise<Int> = group.next().makePromise(of: Int.self)
      let bootstrap = ClientBootstrap(group: group).connectTimeout(TimeAmount(timeout))
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(StatusLineReader(answer: answer, request: text, timeout: TimeAmount(timeout)))
          }
        }
      let channel: any Channel
      do {
        channel = try await bootstrap.connect(host: host, port: port).get()
      } catch {
        answer.fail(error)
        throw error
      }
      let status: Int = try await answer.futureResult.get()
      channel.close(promise: nil)
      return (200..<400).contains(status)
        ? ProbeOutcome(succeeded: true, message: "")
        : ProbeOutcome(succeeded: false, message: "HTTP probe failed with statuscode: \(status)")
    } catch {
      return ProbeOutcome(succeeded: false, message: "Get \"http://\(host):\(port)\(path)\": \(Self.reason(error))")
    }
  }

  private static func reason(_ error: any Error) -> String {
    if let error = error as? ProbeFailure { return error.message }
    if error is ChannelError { return "context deadline exceeded" }
    let text: String = "\(error)"
    if text.contains("ECONNREFUSED") || text.contains("errno: 111") || text.contains("refused") { return "connect: connection refused" }
    return String(text.prefix(300))
  }
}

struct ProbeFailure: Error { var message: String }

/// Sends the request and reads no further than the status line.
private final class StatusLineReader: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  private let answer: EventLoopPromise<Int>
  private let request: String
  private let timeout: TimeAmount
  private var received: [UInt8] = []
  private var answered: Bool = false

  init(answer: EventLoopPromise<Int>, request: String, timeout: TimeAmount) {
    self.answer = answer
    self.request = request
    self.timeout = timeout
  }

  func channelActive(context: ChannelHandlerContext) {
    context.writeAndFlush(NIOAny(context.channel.allocator.buffer(string: request)), promise: nil)
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    context.eventLoop.scheduleTask(in: timeout) {
      let (handler, context) = bound.value
      handler.fail("context deadline exceeded (Client.Timeout exceeded while awaiting headers)", context)
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !answered else { return }
    received += unwrapInboundIn(data).readableBytesView
    guard let end: Int = received.firstIndex(of: 10) else {
      if received.count > 1_024 { fail("malformed HTTP response", context) }
      return
    }
    let words: [Substring] = String(decoding: received[..<end], as: UTF8.self).split(separator: " ")
    guard words.count >= 2, words[0].hasPrefix("HTTP/"), let status = Int(words[1].prefix(3)) else {
      fail("malformed HTTP response", context)
      return
    }
    answered = true
    answer.succeed(status)
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) { fail("EOF", context) }
  func errorCaught(context: ChannelHandlerContext, error: any Error) { fail("\(error)", context) }

  private func fail(_ message: String, _ context: ChannelHandlerContext) {
    guard !answered else { return }
    answered = true
    answer.fail(ProbeFailure(message: message))
    context.close(promise: nil)
  }
}

extension TimeAmount {
  init(_ duration: Duration) { self = .nanoseconds(duration.inNanoseconds) }
}
