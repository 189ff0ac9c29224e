import Primitives

/// How long one case is counted.
enum Measuring {
  /// `seconds`, and as much longer as it takes until something was answered: a figure of nothing would be no figure. A minute at the
  /// most.
  static func wait(_ seconds: Double, _ clock: SystemClock, answers: () async throws -> Int) async throws {
    let deadline: MonotonicTime = clock.now() + .seconds(60)
    repeat { try await Task.sleep(for: .seconds(seconds)) } while try await answers() == 0 && clock.now() < deadline
  }
}
