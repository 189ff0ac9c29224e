import Primitives
import Testing

@testable import Store

@Suite struct PulseTests {
  private func at(_ milliseconds: Int) -> MonotonicTime { MonotonicTime(nanoseconds: Int64(milliseconds) * 1_000_000) }

  @Test func theLongestPauseAndSilenceAreKeptForAWhile() {
    var pulse = Pulse()
    for time in stride(from: 0, through: 1_000, by: 25) {
      pulse.onTick(now: at(time))
      if time % 50 == 0 { pulse.onWord(now: at(time)) }
    }
    #expect(pulse.longest == .init(pause: .milliseconds(25), silence: .milliseconds(50)))
    pulse.onTick(now: at(1_400))
    #expect(pulse.longest == .init(pause: .milliseconds(400), silence: .milliseconds(400)))
    // Kept over one change of window, gone after two.
    for time in stride(from: 1_425, through: 12_000, by: 25) {
      pulse.onTick(now: at(time))
      pulse.onWord(now: at(time))
    }
    #expect(pulse.longest.pause == .milliseconds(400))
    for time in stride(from: 12_025, through: 24_000, by: 25) {
      pulse.onTick(now: at(time))
      pulse.onWord(now: at(time))
    }
    #expect(pulse.longest == .init(pause: .milliseconds(25), silence: .milliseconds(25)))
  }

  @Test func nobodyIsSilentWhileNobodyLeads() {
    var pulse = Pulse()
    pulse.onTick(now: at(0))
    pulse.onWord(now: at(0))
    pulse.onLeadership(now: at(100))
    for time in stride(from: 100, through: 5_000, by: 25) { pulse.onTick(now: at(time)) }
    #expect(pulse.longest.silence == .milliseconds(100))
    pulse.onWord(now: at(5_000))
    #expect(pulse.longest.silence == .milliseconds(100))
  }
}
