import KubeModel
import Primitives
import Synchronization

/// Where names, UIDs and free choices come from: one generator, seeded from the system's secure random outside tests.
final class NameSource: Sendable {
  private let random: Mutex<SeededRandom>

  init(seed: UInt64?) {
    var system = SystemRandomNumberGenerator()
    random = Mutex(SeededRandom(seed: seed ?? system.next()))
  }

  /// RFC 4122 version 4.
  func uid() -> String {
    let (high, low): (UInt64, UInt64) = random.withLock { ($0.next(), $0.next()) }
    func hex(_ value: UInt64, _ digits: Int) -> String {
      let text = String(value, radix: 16)
      return String(repeating: "0", count: digits - text.count) + text
    }
    let version: UInt64 = 0x4000 | (high & 0x0FFF)
    let variant: UInt64 = 0x8000 | (low >> 48 & 0x3FFF)
    return "\(hex(high >> 32, 8))-\(hex(high >> 16 & 0xFFFF, 4))-\(hex(version, 4))-\(hex(variant, 4))-\(hex(low & 0xFFFF_FFFF_FFFF, 12))"
  }

  func name(prefix: String) -> String { random.withLock { GeneratedNames.name(prefix: prefix, using: &$0) } }
  func seconds(in range: ClosedRange<Int64>) -> Int64 { random.withLock { Int64.random(in: range, using: &$0) } }
  func address(in range: ClosedRange<UInt32>) -> UInt32 { random.withLock { UInt32.random(in: range, using: &$0) } }
}
