import Glibc
import Primitives

/// Passwords that an etcd kept as bcrypt (`$2a$`, `$2b$`, `$2y$`) are checked by the system's libcrypt, with which the machine checks its
/// own; libcrypto has no bcrypt. It is looked for when the first such password comes.
enum BcryptHash {
  private typealias Crypt =
    @convention(c) (UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafeMutableRawPointer) -> UnsafeMutablePointer<CChar>?
  /// `struct crypt_data` of libxcrypt is 32 KiB, that of old glibcs 128 KiB.
  private static let workspace: Int = 256 << 10
  private static let crypt: Crypt? = {
    guard let library: UnsafeMutableRawPointer = dlopen("libcrypt.so.1", RTLD_NOW | RTLD_LOCAL) ?? dlopen("libcrypt.so.2", RTLD_NOW),
      let symbol: UnsafeMutableRawPointer = dlsym(library, "crypt_r")
    else { return nil }
    return unsafeBitCast(symbol, to: Crypt.self)
  }()

  /// Whether the machine has a libcrypt.
  static var isChecked: Bool { crypt != nil }

  static func isOne(_ kept: Bytes) -> Bool {
    // $2a$10$, then 22 characters of salt and 31 of hash.
    guard kept.count == 60, kept[0] == UInt8(ascii: "$"), kept[1] == UInt8(ascii: "2"), kept[3] == UInt8(ascii: "$"),
      kept[6] == UInt8(ascii: "$"), let cost = Int(kept[4..<6].map { String(UnicodeScalar($0)) }.joined())
    else { return false }
    return (4...16).contains(cost) && !kept.contains(0)
  }

  /// false also where the machine has no libcrypt that knows bcrypt.
  static func matches(_ password: Bytes, _ kept: Bytes) -> Bool {
    guard isOne(kept), !password.contains(0), let crypt else { return false }
    let data = UnsafeMutableRawPointer.allocate(byteCount: workspace, alignment: 64)
    data.initializeMemory(as: UInt8.self, repeating: 0, count: workspace)
    defer {
      // What is derived of a password does not stay in memory that others get.
      explicit_bzero(data, workspace)
      data.deallocate()
    }
    // As the hash of Go's library cuts them, which etcd uses: 72 bytes count.
    let text: [CChar] = password.map { CChar(bitPattern: $0) } + [0]
    let setting: [CChar] = kept.map { CChar(bitPattern: $0) } + [0]
    guard let answer: UnsafeMutablePointer<CChar> = crypt(text, setting, data) else { return false }
    return ConstantTime.equal(Bytes(UnsafeRawBufferPointer(start: answer, count: strnlen(answer, 128))), kept)
  }
}
