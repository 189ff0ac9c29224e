import Primitives
import Site
import Testing

@testable import Drills

/// What mends the store cannot wait until the store has written down that it is about to.
@Suite struct MendingTests {
  private func plan(_ step: String) throws -> RunPlan {
    let text = "id: r\ntitle: t\ncluster: bank\nsteps:\n  - { id: s, title: t, timeout: 60s, \(step) }\n"
    let site: Site = try RunbookTests.site()
    return try RunPlan(try RunbookReader.parse(text, file: "r.yaml", files: .carried([:]), site: site), run: "r", site: site)
  }

  /// When the step is begun while nobody stores its intent, in milliseconds; nil: not within its time.
  private func begins(_ step: String) throws -> Int64? {
    var instance = RunInstance(try plan(step), holder: "a", lease: .seconds(10))
    func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }
    let wall = WallTime(secondsSince1970: 0)
    _ = instance.on(.begin, at: at(0), wall: wall)
    // The run is this runner's; from here on the store is silent.
    let asked: [RunInstance.Directive] = instance.on(.stored(version: 1, began: at(0)), at: at(10), wall: wall)
    #expect(asked.contains(.store(version: 2)), "the intent is asked to be stored all the same")
    for now in stride(from: Int64(100), to: 70_000, by: 100) {
      for case .start in instance.on(.tick, at: at(now), wall: wall) { return now }
    }
    return nil
  }

  @Test func `a recovery begins a second after its intent could not be stored`() throws {
    let began: Int64 = try #require(try begins("action: disaster.recover, inputs: { center: remote-dr }"))
    #expect((1_000...1_200).contains(began))
  }

  @Test func `everything else that changes something waits, and is not begun`() throws {
    #expect(try begins("action: cluster.moveTo, inputs: { center: local-dr }") == nil)
    #expect(try begins("action: fault.cityLoss, inputs: { city: east }") == nil)
  }

  @Test func `a city that does not exist does not pass`() {
    #expect(throws: (any Error).self) { try plan("action: fault.cityLoss, inputs: { city: atlantis }") }
  }
}
