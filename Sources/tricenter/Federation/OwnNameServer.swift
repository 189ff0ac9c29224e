import Dispatch
import Glibc
import Primitives

/// Asks a host's own name server for the kubernetes Service, over UDP as a pod would.
enum OwnNameServer {
  static func ask(_ address: String, port: Int, name: String) async -> (answered: Bool, detail: String) {
    await withCheckedContinuation { continuation in
      DispatchQueue.global().async { continuation.resume(returning: exchange(address, port, name)) }
    }
  }

  private static func exchange(_ host: String, _ port: Int, _ name: String) -> (answered: Bool, detail: String) {
    let descriptor: Int32 = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    guard descriptor >= 0 else { return (false, "no socket: \(String(cString: strerror(errno)))") }
    defer { close(descriptor) }
    var timeout = timeval(tv_sec: 1, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    inet_pton(AF_INET, host, &address.sin_addr)
    let connected: Int32 = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
    guard connected == 0 else { return (false, "\(host):\(port): \(String(cString: strerror(errno)))") }
    let question: Bytes = question(name, id: UInt16.random(in: 0...UInt16.max))
    _ = question.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, 0) }
    var buffer = Bytes(repeating: 0, count: 1_024)
    let count: Int = recv(descriptor, &buffer, buffer.count, 0)
    guard count > 0 else { return (false, "\(host):\(port) does not answer for \(name) within a second") }
    return reading(Bytes(buffer[..<count]), of: question, name)
  }

  /// RFC 1035 §4.1: one question for an A record.
  static func question(_ name: String, id: UInt16) -> Bytes {
    var bytes: Bytes = [UInt8(id >> 8), UInt8(id & 0xFF), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    for label in name.split(separator: ".") {
      bytes.append(UInt8(label.utf8.count))
      bytes += Array(label.utf8)
    }
    return bytes + [0, 0, 1, 0, 1]
  }

  static func reading(_ answer: Bytes, of question: Bytes, _ name: String) -> (answered: Bool, detail: String) {
    guard answer.count >= 12, answer[0] == question[0], answer[1] == question[1], answer[2] & 0x80 != 0 else {
      return (false, "what came back for \(name) is no answer to it")
    }
    let code: UInt8 = answer[3] & 0x0F
    let count: Int = Int(answer[6]) << 8 | Int(answer[7])
    if code != 0 { return (false, "\(name): response code \(code)") }
    return count > 0 ? (true, "\(name) is known") : (false, "\(name) has no address")
  }
}
