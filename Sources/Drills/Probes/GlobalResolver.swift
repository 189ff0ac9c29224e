import Dispatch
import Glibc
import NIOCore
import Primitives
import Site

/// Asks the centers' DNS servers for a name, as a client's stub resolver would: one server after the other, the answer kept for its TTL.
final class GlobalResolver: Sendable {
  struct Answer: Sendable {
    var addresses: [String]
    var ttlSeconds: Int
  }

  let servers: [String]
  let port: Int
  /// Asks from this loop's thread, which it blocks; nil: from any.
  private let loop: (any EventLoop)?
  init(servers: [String], port: Int, loop: (any EventLoop)? = nil) {
    self.servers = servers
    self.port = port
    self.loop = loop
  }

  /// The first server that answers, starting with the `first`-th. Throws when none does.
  func resolve(_ name: String, first: Int) async throws -> (answer: Answer, server: Int) {
    var reasons: [String] = []
    for offset in servers.indices {
      let index: Int = (first + offset) % servers.count
      let (server, port): (String, Int) = (servers[index], port)
      let result: Result<Answer, DrillError> = await withCheckedContinuation { continuation in
        let ask: @Sendable () -> Void = { continuation.resume(returning: Self.ask(server, port, name)) }
        if let loop { loop.execute(ask) } else { DispatchQueue.global().async(execute: ask) }
      }
      switch result {
      case .success(let answer): return (answer, index)
      case .failure(let error): reasons.append("\(server): \(error.message)")
      }
    }
    throw DrillError(.failed, "No DNS server knows \(name). \(reasons.joined(separator: " "))")
  }

  /// What the first server says, without asking another. Code `.failed`: it says that it has no address; `.timeout`: it says nothing.
  func answer(_ name: String) async -> Result<Answer, DrillError> {
    let (server, port): (String, Int) = (servers[0], port)
    return await withCheckedContinuation { continuation in
      DispatchQueue.global().async { continuation.resume(returning: Self.ask(server, port, name)) }
    }
  }

  private static func ask(_ server: String, _ port: Int, _ name: String) -> Result<Answer, DrillError> {
    let descriptor: Int32 = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    defer { close(descriptor) }
    var timeout = timeval(tv_sec: 0, tv_usec: 250_000)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    inet_pton(AF_INET, server, &address.sin_addr)
    let connected: Int32 = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
    guard connected == 0 else { return .failure(DrillError(.failed, String(cString: strerror(errno)) + ".")) }
    let id = UInt16.random(in: 0...UInt16.max)
    let query: Bytes = question(name, id: id)
    _ = query.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, 0) }
    var buffer = Bytes(repeating: 0, count: 4_096)
    let count: Int = recv(descriptor, &buffer, buffer.count, 0)
    guard count > 0 else { return .failure(DrillError(.timeout, "no answer within 250 ms.")) }
    return parse(Bytes(buffer[..<count]), id: id)
  }

  /// RFC 1035 §4.1: one question for an A record, recursion desired.
  static func question(_ name: String, id: UInt16) -> Bytes {
    var query: Bytes = [UInt8(id >> 8), UInt8(id & 0xFF), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    for label in name.split(separator: ".") {
      query.append(UInt8(label.utf8.count))
      query += Array(label.utf8)
    }
    return query + [0, 0, 1, 0, 1]
  }

  static func parse(_ message: Bytes, id: UInt16) -> Result<Answer, DrillError> {
    func word(_ offset: Int) -> Int { offset + 1 < message.count ? Int(message[offset]) << 8 | Int(message[offset + 1]) : 0 }
    guard message.count >= 12, word(0) == Int(id), message[2] & 0x80 != 0 else { return .failure(DrillError(.failed, "no DNS answer.")) }
    let code: UInt8 = message[3] & 0x0F
    guard code == 0 else { return .failure(DrillError(.failed, "answer code \(code).")) }
    func skipName(_ start: Int) -> Int {
      var index: Int = start
      while index < message.count {
        if message[index] == 0 { return index + 1 }
        if message[index] & 0xC0 == 0xC0 { return index + 2 }
        index += Int(message[index]) + 1
      }
      return message.count
    }
    var index: Int = 12
    for _ in 0..<word(4) { index = skipName(index) + 4 }
    var answer = Answer(addresses: [], ttlSeconds: 1)
    for _ in 0..<word(6) {
      index = skipName(index)
      guard index + 10 <= message.count else { break }
      let (type, length): (Int, Int) = (word(index), word(index + 8))
      if type == 1, length == 4, index + 14 <= message.count {
        answer.ttlSeconds = word(index + 4) << 16 | word(index + 6)
        answer.addresses.append(message[index + 10..<index + 14].map { String($0) }.joined(separator: "."))
      }
      index += 10 + length
    }
    return answer.addresses.isEmpty ? .failure(DrillError(.failed, "no address in the answer.")) : .success(answer)
  }
}
