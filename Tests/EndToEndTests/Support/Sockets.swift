import CLinux
import Glibc
import Primitives

/// Runs the body with this thread in another network namespace: a socket belongs to the network that it was made in, for its whole life,
/// whoever uses it. Nothing in the body may suspend.
func inNetwork<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
  let home: Int32 = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
  let there: Int32 = open(path, O_RDONLY | O_CLOEXEC)
  defer {
    close(home)
    close(there)
  }
  guard home >= 0, there >= 0, tricenter_setns(there, Int32(TRICENTER_CLONE_NEWNET)) == 0 else {
    throw TestTrouble("The network \(path) cannot be entered: \(String(cString: strerror(errno)))")
  }
  defer {
    let back: Int32 = tricenter_setns(home, Int32(TRICENTER_CLONE_NEWNET))
    precondition(back == 0, "a thread of the tests cannot leave \(path): \(String(cString: strerror(errno)))")
  }
  return try body()
}

/// A socket on a lab's network that sends what it is told, byte for byte. Its methods block; call them `offTheTasks`.
final class RawSocket: Sendable {
  enum Kind { case stream, datagram }
  let descriptor: Int32

  private init(_ descriptor: Int32) { self.descriptor = descriptor }
  deinit { close(descriptor) }

  private static func make(_ network: String, _ kind: Kind) throws -> RawSocket {
    let type: Int32 = kind == .stream ? Int32(SOCK_STREAM.rawValue) : Int32(SOCK_DGRAM.rawValue)
    let descriptor: Int32 = try inNetwork(network) { socket(AF_INET, type, 0) }
    guard descriptor >= 0 else { throw TestTrouble("No socket: \(String(cString: strerror(errno)))") }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    return RawSocket(descriptor)
  }

  private static func with<Result>(_ address: String, _ port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_port = UInt16(port).bigEndian
    inet_pton(AF_INET, address, &name.sin_addr)
    return withUnsafePointer(to: &name) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
  }

  private func ready(_ events: Int32, _ limit: Duration) -> Bool {
    var poll = pollfd(fd: descriptor, events: Int16(events), revents: 0)
    return Glibc.poll(&poll, 1, Int32(limit.milliseconds)) > 0
  }

  /// A connection, and how long it took to stand: one round trip. Nil if it was refused or did not stand in time.
  static func connect(_ network: String, to address: String, _ port: Int, within limit: Duration = .seconds(5)) throws
    -> (socket: RawSocket, took: Duration)?
  {
    let socket: RawSocket = try make(network, .stream)
    let began = ContinuousClock.now
    let result: Int32 = with(address, port) { Glibc.connect(socket.descriptor, $0, $1) }
    if result != 0 {
      guard errno == EINPROGRESS, socket.ready(POLLOUT, limit) else { return nil }
      var failure: Int32 = 0
      var size = socklen_t(4)
      getsockopt(socket.descriptor, SOL_SOCKET, SO_ERROR, &failure, &size)
      guard failure == 0 else { return nil }
    }
    return (socket, ContinuousClock.now - began)
  }

  /// Bound to a port of this network, and for streams listening.
  static func listen(_ network: String, _ kind: Kind, port: Int) throws -> RawSocket {
    let socket: RawSocket = try make(network, kind)
    var yes: Int32 = 1
    setsockopt(socket.descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, 4)
    guard with("0.0.0.0", port, { bind(socket.descriptor, $0, $1) }) == 0, kind == .datagram || Glibc.listen(socket.descriptor, 64) == 0
    else { throw TestTrouble("Port \(port) cannot be listened on: \(String(cString: strerror(errno)))") }
    return socket
  }

  static func datagrams(_ network: String) throws -> RawSocket { try make(network, .datagram) }

  /// The next connection and the address it came from.
  func accept(within limit: Duration = .seconds(10)) -> (socket: RawSocket, from: String)? {
    guard ready(POLLIN, limit) else { return nil }
    var name = sockaddr_in()
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let accepted: Int32 = withUnsafeMutablePointer(to: &name) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.accept(descriptor, $0, &size) }
    }
    guard accepted >= 0 else { return nil }
    _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
    _ = fcntl(accepted, F_SETFL, O_NONBLOCK)
    return (RawSocket(accepted), Self.text(name))
  }

  private static func text(_ name: sockaddr_in) -> String {
    var address: in_addr = name.sin_addr
    var text = [CChar](repeating: 0, count: 64)
    inet_ntop(AF_INET, &address, &text, 64)
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  func send(_ bytes: Bytes, to address: String, _ port: Int) {
    _ = bytes.withUnsafeBytes { buffer in
      Self.with(address, port) { sendto(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL), $0, $1) }
    }
  }

  /// Sends as much as the other side takes; false once it takes no more for good, or not within the limit.
  @discardableResult
  func send(_ bytes: Bytes, within limit: Duration = .seconds(10)) -> Bool {
    var sent: Int = 0
    while sent < bytes.count {
      let count: Int = bytes.withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
      }
      if count > 0 {
        sent += count
      } else if errno == EAGAIN {
        guard ready(POLLOUT, limit) else { return false }
      } else if errno != EINTR {
        return false
      }
    }
    return true
  }

  /// What comes next: empty at the end of the stream, nil if nothing came in time.
  func receive(within limit: Duration = .seconds(5)) -> Bytes? {
    guard ready(POLLIN, limit) else { return nil }
    var buffer = Bytes(repeating: 0, count: 65_536)
    let count: Int = recv(descriptor, &buffer, buffer.count, 0)
    return Bytes(buffer[..<max(0, count)])
  }

  /// Reads until the other side has closed or reset the connection; nil if it does not, or what it said before.
  func closing(within limit: Duration) -> Bytes? {
    let deadline = ContinuousClock.now + limit
    var said: Bytes = []
    while true {
      let left: Duration = deadline - ContinuousClock.now
      guard left > .zero, let next: Bytes = receive(within: left) else { return nil }
      if next.isEmpty { return said }
      said += next
    }
  }
}
