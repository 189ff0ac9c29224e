import Glibc
import Primitives
import Testing

/// Feeds each target `rounds` inputs made from one seed. TRICENTER_FUZZ_ROUNDS asks for more; `tricenter fuzz` goes on as long as asked.
public func expectSound(
  _ targets: [FuzzTarget], seed: UInt64 = 0xF0_22, rounds: Int = 3_000, at location: SourceLocation = #_sourceLocation
) {
  let rounds: Int = fuzzRounds ?? rounds
  for target in targets {
    var run = FuzzRun(target, seed: seed)
    for _ in 0..<rounds {
      do throws(FuzzRun.Found) {
        try run.step()
      } catch {
        Issue.record("\(target.name): \(error.finding); input \(error.input)", sourceLocation: location)
        break
      }
    }
  }
}

private let fuzzRounds: Int? = getenv("TRICENTER_FUZZ_ROUNDS").flatMap { Int(String(cString: $0)) }
