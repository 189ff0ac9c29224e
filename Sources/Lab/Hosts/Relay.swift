import CLinux
import Glibc
import Logging
import Primitives
import Site

/// Brings the lab's apiservers to this machine's loopback address, so that a person's kubectl reaches them without a route from the
/// machine into the lab: sockets are listened on where the process starts, then it moves into the branch's network namespace and
/// connects from there.
public final class Relay {
  private struct Pipe {
    var from: Int32
    var to: Int32
    var held: Bytes = []
    var ended: Bool = false
  }

  /// A client whose connection into the lab is being made: to the first of `targets`, then to the next.
  private struct Attempt {
    var client: Int32
    var server: Int32
    var targets: [sockaddr_in]
    var deadline: MonotonicTime
  }

  private let logger: Logger
  private let clock = SystemClock()
  private var listeners: [(descriptor: Int32, targets: [sockaddr_in])] = []
  private var attempts: [Attempt] = []
  private var pipes: [Pipe] = []

  /// `routes`: a port on 127.0.0.1 and the addresses in the lab that it leads to, tried in order for every connection.
  public init(routes: [(port: Int, targets: [IPAddress], targetPort: Int)], namespace: String?, logger: Logger) throws {
    self.logger = logger
    for target in routes {
      let descriptor: Int32 = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
      _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
      var yes: Int32 = 1
      setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, 4)
      var here: sockaddr_in = Self.address(0x7F00_0001, target.port)
      let bound: Int32 = Self.with(&here) { bind(descriptor, $0, $1) }
      guard bound == 0, listen(descriptor, 64) == 0 else {
        throw LabError(.busy, "127.0.0.1:\(target.port) cannot be listened on: \(String(cString: strerror(errno))).")
      }
      listeners.append((descriptor, target.targets.map { Self.address(UInt32($0.bits), target.targetPort) }))
    }
    if let namespace {
      let descriptor: Int32 = open("/run/netns/\(namespace)", O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0, tricenter_setns(descriptor, Int32(TRICENTER_CLONE_NEWNET)) == 0 else {
        throw LabError(.failed, "The network namespace \(namespace) cannot be entered: \(String(cString: strerror(errno))).")
      }
      close(descriptor)
    }
  }

  private static func address(_ host: UInt32, _ port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = host.bigEndian
    return address
  }
  private static func with<Result>(_ address: inout sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
  }

  /// Runs until the process is ended.
  public func run() -> Never {
    signal(SIGPIPE, SIG_IGN)
    while true {
      var polls: [pollfd] = listeners.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
      for pipe in pipes {
        // With bytes in hand, wait until they can be given on; otherwise for more.
        let waits: Bool = !pipe.held.isEmpty
        polls.append(
          pollfd(fd: pipe.ended ? -1 : (waits ? pipe.to : pipe.from), events: Int16(waits ? POLLOUT : POLLIN), revents: 0))
      }
      polls += attempts.map { pollfd(fd: $0.server, events: Int16(POLLOUT), revents: 0) }
      _ = poll(&polls, nfds_t(polls.count), attempts.isEmpty ? -1 : 100)
      let firstAttempt: Int = listeners.count + pipes.count
      let (pipeCount, attemptCount) = (pipes.count, attempts.count)
      for index in (0..<attemptCount).reversed() { settle(index, ready: polls[firstAttempt + index].revents != 0) }
      for index in 0..<pipeCount where polls[listeners.count + index].revents != 0 { move(index) }
      for index in listeners.indices where polls[index].revents != 0 { accept(listeners[index]) }
      closeEnded()
    }
  }

  private func accept(_ listener: (descriptor: Int32, targets: [sockaddr_in])) {
    let client: Int32 = Glibc.accept(listener.descriptor, nil, nil)
    guard client >= 0 else { return }
    guard pipes.count / 2 + attempts.count < Limits.relayConnections else {
      close(client)
      return
    }
    prepare(client)
    tryNext(client, listener.targets)
  }

  private func prepare(_ descriptor: Int32) {
    var yes: Int32 = 1
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, 4)
  }

  /// Begins a connection to the first target that lets itself be tried; without one the client is closed.
  private func tryNext(_ client: Int32, _ targets: [sockaddr_in]) {
    var rest: [sockaddr_in] = targets
    while !rest.isEmpty {
      var target: sockaddr_in = rest.removeFirst()
      let server: Int32 = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      guard server >= 0 else { break }
      prepare(server)
      let connected: Int32 = Self.with(&target) { connect(server, $0, $1) }
      if connected == 0 || errno == EINPROGRESS {
        attempts.append(Attempt(client: client, server: server, targets: rest, deadline: clock.now() + .milliseconds(800)))
        return
      }
      close(server)
    }
    close(client)
  }

  private func settle(_ index: Int, ready: Bool) {
    let attempt: Attempt = attempts[index]
    var failure: Int32 = 0
    var size = socklen_t(4)
    if ready { getsockopt(attempt.server, SOL_SOCKET, SO_ERROR, &failure, &size) }
    if ready, failure == 0 {
      attempts.remove(at: index)
      pipes.append(Pipe(from: attempt.client, to: attempt.server))
      pipes.append(Pipe(from: attempt.server, to: attempt.client))
    } else if ready || clock.now() >= attempt.deadline {
      attempts.remove(at: index)
      close(attempt.server)
      tryNext(attempt.client, attempt.targets)
    }
  }

  private func move(_ index: Int) {
    if pipes[index].held.isEmpty {
      var buffer = Bytes(repeating: 0, count: 32_768)
      let count: Int = read(pipes[index].from, &buffer, buffer.count)
      if count < 0, [EAGAIN, EINTR, EINPROGRESS, ENOTCONN].contains(errno) { return }
      guard count > 0 else {
        pipes[index].ended = true
        shutdown(pipes[index].to, Int32(SHUT_WR))
        if count < 0 { pipes[index ^ 1].ended = true }
        return
      }
      pipes[index].held = Bytes(buffer[..<count])
    }
    let count: Int = pipes[index].held.withUnsafeBytes { write(pipes[index].to, $0.baseAddress, $0.count) }
    if count > 0 {
      pipes[index].held.removeFirst(count)
    } else if ![EAGAIN, EINTR, EINPROGRESS].contains(errno) {
      pipes[index].ended = true
      pipes[index ^ 1].ended = true
    }
  }

  private func closeEnded() {
    var index: Int = 0
    while index < pipes.count {
      if pipes[index].ended, pipes[index + 1].ended {
        close(pipes[index].from)
        close(pipes[index].to)
        pipes.removeSubrange(index...index + 1)
      } else {
        index += 2
      }
    }
  }
}
