import Glibc
import Primitives
import Processes

/// One process of a server under test: started, looked at from outside through /proc, ended.
struct ServerProcess: Sendable {
  let pid: pid_t
  let log: String

  static func start(_ command: [String], environment: [String: String], log: String) throws -> ServerProcess {
    let whole: [String: String] = ProcessEnvironment.current.merging(environment) { $1 }
    return ServerProcess(pid: try startDetached(command, environment: whole, log: log), log: log)
  }

  /// User and system time of all its threads. Throws `.server` when it is gone.
  func cpuSeconds() throws -> Double {
    // The command's name, in brackets, may hold spaces.
    guard let text: String = Self.read("/proc/\(pid)/stat"), let bracket: String.Index = text.lastIndex(of: ")") else { throw gone }
    let fields: [Substring] = text[text.index(after: bracket)...].split(separator: " ")
    guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { throw gone }
    return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  func residentMiB() throws -> Double {
    guard let text: String = Self.read("/proc/\(pid)/status") else { throw gone }
    for line in text.split(separator: "\n") where line.hasPrefix("VmRSS:") {
      if let kib: Double = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap({ Double($0) }) {
        return kib / 1024
      }
    }
    throw gone
  }

  var isAlive: Bool {
    var status: Int32 = 0
    return waitpid(pid, &status, WNOHANG) == 0
  }

  var gone: BenchmarkError {
    let said: String = (Self.read(log) ?? "").split(separator: "\n").suffix(8).joined(separator: "\n  ")
    return BenchmarkError(.server, "The server with pid \(pid) has ended. The last that it said:\n  \(said)")
  }

  /// SIGTERM, and SIGKILL after ten seconds; returns when the process is gone.
  func end() async {
    kill(pid, SIGTERM)
    for _ in 0..<200 {
      if !isAlive { return }
      try? await Task.sleep(for: .milliseconds(50))
    }
    kill(pid, SIGKILL)
    var status: Int32 = 0
    waitpid(pid, &status, 0)
  }

  private static func read(_ path: String) -> String? {
    let file: Int32 = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = Bytes()
    var piece = Bytes(repeating: 0, count: 65_536)
    while bytes.count < 1 << 20 {
      let count: Int = Glibc.read(file, &piece, piece.count)
      guard count > 0 else { break }
      bytes += piece[..<count]
    }
    return bytes.text
  }
}

/// TCP ports of loopback that were free a moment ago.
func freePorts(_ count: Int) throws -> [Int] {
  var sockets: [Int32] = []
  defer { for socket in sockets { close(socket) } }
  var ports: [Int] = []
  for _ in 0..<count {
    let descriptor: Int32 = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    sockets.append(descriptor)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound: Int32 = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(descriptor, address, length) == 0 ? getsockname(descriptor, address, &length) : -1
      }
    }
    guard bound == 0 else { throw BenchmarkError(.server, "No free port on loopback: \(String(cString: strerror(errno))).") }
    ports.append(Int(UInt16(bigEndian: address.sin_port)))
  }
  return ports
}
