import Glibc
import Primitives

/// One request over HTTP/1.1 on a connection of its own, with blocking calls: what a script's client does, and none of our own code.
struct PlainHTTP {
  struct Trouble: Error { var text: String }
  let host: String
  let port: Int

  /// The whole body; with `lines`, that many lines of it, and the connection is closed.
  func ask(_ method: String, _ path: String, _ body: Bytes, _ fields: [(String, String)] = [], lines: Int? = nil) throws -> (
    status: Int, body: [String]
  ) {
    let descriptor: Int32 = try connected()
    defer { close(descriptor) }
    var head: String = "\(method) \(path) HTTP/1.1\r\nHost: \(host):\(port)\r\nContent-Length: \(body.count)\r\nConnection: close\r\n"
    for (name, value) in fields { head += "\(name): \(value)\r\n" }
    try send(Bytes(head + "\r\n") + body, descriptor)
    var input = Input(descriptor: descriptor)
    let status: [Substring] = try input.line().split(separator: " ")
    guard status.count > 1, let code = Int(status[1]) else { throw Trouble(text: "no status line") }
    var (length, isChunked): (Int?, Bool) = (nil, false)
    while case let line:String = try input.line(), !line.isEmpty {
      let parts: [Substring] = line.split(separator: ":", maxSplits: 1)
      switch parts[0].lowercased() {
      case "content-length": length = Int(parts[1].drop { $0 == " " })
      case "transfer-encoding": isChunked = parts[1].contains("chunked")
      default: break
      }
    }
    var (text, found): (Bytes, [String]) = ([], [])
    func cut() {
      guard let lines else { return }
      while found.count < lines, let end: Int = text.firstIndex(of: 10) {
        found.append(Bytes(text[..<end]).text)
        text.removeFirst(end + 1)
      }
    }
    while lines.map({ found.count < $0 }) ?? true {
      if isChunked {
        let size: Int = Int(try input.line(), radix: 16) ?? 0
        if size == 0 { break }
        text += try input.bytes(size)
        _ = try input.line()
      } else {
        if let length { text += try input.bytes(length) }
        cut()
        break
      }
      cut()
    }
    if lines != nil {
      if !text.isEmpty, found.isEmpty { found.append(text.text) }
      return (code, found)
    }
    return (code, [text.text])
  }

  private func connected() throws -> Int32 {
    let descriptor: Int32 = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var patience = timeval(tv_sec: 20, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    inet_pton(AF_INET, host, &address.sin_addr)
    let result: Int32 = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
    guard result == 0 else {
      close(descriptor)
      throw Trouble(text: "\(host):\(port): \(String(cString: strerror(errno)))")
    }
    return descriptor
  }

  private func send(_ bytes: Bytes, _ descriptor: Int32) throws {
    var sent: Int = 0
    while sent < bytes.count {
      let count: Int = bytes[sent...].withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { throw Trouble(text: "the connection took no more") }
      sent += count
    }
  }

  private struct Input {
    let descriptor: Int32
    var held: Bytes = []

    init(descriptor: Int32) { self.descriptor = descriptor }

    private mutating func more() throws {
      var buffer = Bytes(repeating: 0, count: 65_536)
      let count: Int = read(descriptor, &buffer, buffer.count)
      guard count > 0 else { throw Trouble(text: count == 0 ? "the connection ended" : String(cString: strerror(errno))) }
      held += buffer[..<count]
    }

    mutating func line() throws -> String {
      while true {
        if let end: Int = held.firstIndex(of: 10) {
          let line = Bytes(held[..<end].filter { $0 != 13 })
          held.removeFirst(end + 1)
          return line.text
        }
        try more()
      }
    }

    mutating func bytes(_ count: Int) throws -> Bytes {
      while held.count < count { try more() }
      let bytes = Bytes(held[..<count])
      held.removeFirst(count)
      return bytes
    }
  }
}
