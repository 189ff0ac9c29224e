import Glibc
import Primitives

/// A TUN device: a network interface whose packets a program reads and writes (Linux Documentation/networking/tuntap.rst).
struct TunDevice {
  let descriptor: Int32

  /// Opens or makes the device in this network namespace, non-blocking, whole IP packets without a header of its own.
  init(name: String) throws {
    descriptor = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw LabError(.missing, "/dev/net/tun cannot be opened (\(String(cString: strerror(errno)))): the wide-area element needs TUN.")
    }
    // struct ifreq: 16 bytes of name, then a union that begins with 16 bits of flags.
    var request = Bytes(repeating: 0, count: 40)
    for (index, byte) in name.utf8.prefix(15).enumerated() { request[index] = byte }
    let flags: UInt16 = 0x0001 | 0x1000  // IFF_TUN | IFF_NO_PI
    request[16] = UInt8(flags & 0xFF)
    request[17] = UInt8(flags >> 8)
    let setInterface: UInt = 0x4004_54CA  // TUNSETIFF
    let result: Int32 = request.withUnsafeMutableBytes { ioctl(descriptor, setInterface, $0.baseAddress!) }
    guard result == 0 else {
      let reason = String(cString: strerror(errno))
      close(descriptor)
      throw LabError(.failed, "The TUN device \(name) cannot be made: \(reason).")
    }
  }
}
