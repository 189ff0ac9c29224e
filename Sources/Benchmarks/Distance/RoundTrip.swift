internal import CLinux
import Glibc
import Primitives

/// How long the wire and the disk take by themselves: what a write between cities cannot be faster than.
enum Probe {
  /// Median of the time that TCP's handshake takes from a host of the lab to another one's open port: one round trip of the kernels, with
  /// nothing of ours. Blocks its thread, which enters the namespace and is not to be used for anything else.
  static func roundTripMilliseconds(fromNamespace path: String, to address: LoadAddress, times: Int = 41) throws -> Double {
    let namespace: Int32 = open(path, O_RDONLY | O_CLOEXEC)
    guard namespace >= 0, tricenter_setns(namespace, TRICENTER_CLONE_NEWNET) == 0 else {
      throw BenchmarkError(.server, "The namespace \(path) cannot be entered: \(String(cString: strerror(errno))).")
    }
    close(namespace)
    _ = tricenter_request_slice(200_000)
    var place = sockaddr_in()
    place.sin_family = sa_family_t(AF_INET)
    place.sin_port = UInt16(address.port).bigEndian
    inet_pton(AF_INET, address.host, &place.sin_addr)
    let clock = SystemClock()
    var milliseconds: [Double] = []
    for _ in 0..<times {
      let descriptor: Int32 = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      defer { close(descriptor) }
      let began: MonotonicTime = clock.now()
      let connected: Int32 = withUnsafePointer(to: &place) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
      }
      guard connected == 0 else {
        throw BenchmarkError(.connection, "No connection to \(address.host):\(address.port): \(String(cString: strerror(errno))).")
      }
      milliseconds.append((clock.now() - began).inMilliseconds)
      usleep(20_000)
    }
    return Percentile.of(milliseconds, 0.5)
  }

  /// Median of a write of 4 KiB and its fdatasync into a file that was filled before, as the journal makes them, some milliseconds
  /// apart, as one client's writes come.
  static func syncMilliseconds(directory: String, times: Int = 41) throws -> Double {
    let path = "\(directory)/sync-probe"
    let file: Int32 = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw BenchmarkError(.server, "\(path) cannot be made: \(String(cString: strerror(errno))).") }
    defer {
      close(file)
      unlink(path)
    }
    _ = tricenter_request_slice(200_000)
    let block = Bytes(repeating: 0x5A, count: 4_096)
    for number in 0..<times { _ = pwrite(file, block, block.count, number * block.count) }
    fsync(file)
    let clock = SystemClock()
    var milliseconds: [Double] = []
    for number in 0..<times {
      let began: MonotonicTime = clock.now()
      guard pwrite(file, block, block.count, number * block.count) == block.count, fdatasync(file) == 0 else {
        throw BenchmarkError(.server, "\(path) cannot be written: \(String(cString: strerror(errno))).")
      }
      milliseconds.append((clock.now() - began).inMilliseconds)
      usleep(20_000)
    }
    return Percentile.of(milliseconds, 0.5)
  }
}
