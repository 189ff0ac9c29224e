import Primitives
import Testing

@testable import Processes

@Suite struct CommandTests {
  @Test func outputAndStatusComeBack() async throws {
    let outcome: Command.Outcome = try await Command("sh", "-c", "cat; echo problem >&2; exit 3").withInput("hello").outcome()
    #expect(outcome.status == 3)
    #expect(outcome.output.text == "hello")
    #expect(outcome.errors.text == "problem\n")
  }

  @Test func aFailureTellsWhatTheProgramSaid() async throws {
    let error: ProcessError = try #require(
      await #expect(throws: ProcessError.self) { try await Command("sh", "-c", "echo no such device >&2; exit 1").run() })
    #expect(error.code == .failed)
    #expect(error.message.contains("no such device"))
  }

  @Test func aProgramThatIsNotThereIsToldByName() async throws {
    let error: ProcessError = try #require(
      await #expect(throws: ProcessError.self) { try await Command("tricenter-no-such-program").run() })
    #expect(error.code == .cannotStart)
    #expect(error.message.contains("tricenter-no-such-program"))
  }

  @Test func moreInputThanAPipeHoldsAndMoreOutputThanTheLimit() async throws {
    var command = Command("cat")
    command.input = Bytes(repeating: 65, count: 3_000_000)
    command.outputLimit = 1_000_000
    let outcome: Command.Outcome = try await command.outcome()
    #expect(outcome.status == 0)
    #expect(outcome.output.count == 1_000_000)
  }

  @Test func aProgramThatHangsIsKilledAtItsDeadline() async throws {
    var command = Command("sleep", "60")
    command.timeout = .milliseconds(100)
    let error: ProcessError = try #require(await #expect(throws: ProcessError.self) { try await command.run() })
    #expect(error.code == .timeout)
  }

  @Test func theStatusOfASignal() throws {
    #expect(try Command("sh", "-c", "kill -9 $$").runBlocking().status == 137)
  }
}

extension Command {
  fileprivate func withInput(_ text: String) -> Command {
    var copy: Command = self
    copy.input = Bytes(text)
    return copy
  }
}

@Suite struct FindProgramTests {
  @Test func programsOnThePathAreFound() throws {
    let environment: [String: String] = ProcessEnvironment.current
    #expect(environment["PATH"] != nil)
    let shell: String = try #require(findProgram("sh"), "PATH is \(environment["PATH"] ?? "nil")")
    #expect(shell.hasSuffix("/sh"))
    #expect(findProgram("nsenter") != nil, "PATH is \(environment["PATH"] ?? "nil")")
    #expect(findProgram("tricenter-no-such-program") == nil)
  }
}
