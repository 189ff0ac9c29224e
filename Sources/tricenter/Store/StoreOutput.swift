import ArgumentParser
import Glibc
import KubeModel
import Primitives
import Synchronization

/// etcdctl's forms under its flag (`-w`, `--write-out`), and this program's own (`--output`).
enum StoreOutput: String, ExpressibleByArgument, CaseIterable {
  case simple, json, table

  init?(argument: String) {
    self.init(rawValue: argument == "text" ? "simple" : argument)
  }
}

struct StoreOutputOptions: ParsableArguments {
  @Option(name: [.customLong("output"), .customLong("write-out"), .customShort("w")], help: "simple (or text), json, table")
  var output: StoreOutput = .simple
}

/// A table as etcdctl draws it: headings in the middle, columns to the right.
func printTable(_ headings: [String], _ rows: [[String]]) {
  let widths: [Int] = headings.indices.map { column in
    ([headings[column]] + rows.map { $0[column] }).reduce(0) { max($0, $1.count) }
  }
  let rule: String = "+" + widths.map { String(repeating: "-", count: $0 + 2) + "+" }.joined()
  func pad(_ count: Int) -> String { String(repeating: " ", count: count) }
  var lines: [String] = [rule]
  let centred: [String] = zip(headings, widths).map { heading, width in
    let left: Int = (width - heading.count + 1) / 2
    return pad(left) + heading + pad(width - heading.count - left)
  }
  lines.append("| " + centred.joined(separator: " | ") + " |")
  lines.append(rule)
  for row in rows {
    let cells: [String] = zip(row, widths).map { cell, width in pad(width - cell.count) + cell }
    lines.append("| " + cells.joined(separator: " | ") + " |")
  }
  lines.append(rule)
  printLine(lines.joined(separator: "\n"))
}

/// Bytes as etcdctl says them: `20 kB`, `2.1 MB`.
func humanBytes(_ bytes: Int) -> String {
  guard bytes >= 10 else { return "\(bytes) B" }
  var (value, unit): (Double, Int) = (Double(bytes), 0)
  let units: [String] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
  while value >= 1_000, unit < units.count - 1 {
    value /= 1_000
    unit += 1
  }
  value = (value * 10 + 0.5).rounded(.down) / 10
  if value >= 10 { return "\(Int(value.rounded())) \(units[unit])" }
  return "\(Int(value)).\(Int((value * 10).rounded()) % 10) \(units[unit])"
}

/// Says on standard error how far something is, once it has taken two seconds and then twice a second on a terminal, every five seconds
/// elsewhere.
final class Progress: Sendable {
  private struct State {
    var next: ContinuousClock.Instant
    var shown: Bool = false
  }
  private let state: Mutex<State>
  private let terminal: Bool = isatty(2) == 1

  init(after patience: Duration = .seconds(2)) { state = Mutex(State(next: .now + patience)) }

  func show(_ text: @autoclosure () -> String) {
    let isDue: Bool = state.withLock { state in
      let now: ContinuousClock.Instant = .now
      guard now >= state.next else { return false }
      state.next = now + (terminal ? .milliseconds(500) : .seconds(5))
      state.shown = true
      return true
    }
    guard isDue else { return }
    if terminal { write("\r\u{1B}[K" + text()) } else { printError(text()) }
  }

  /// Before anything else is printed.
  func end() {
    let shown: Bool = state.withLock { $0.shown }
    if shown, terminal { write("\r\u{1B}[K") }
  }

  private func write(_ text: String) {
    var text: String = text
    text.withUTF8 { _ = Glibc.write(2, $0.baseAddress, $0.count) }
  }
}

/// Runs one command; what goes wrong is one sentence on standard error, status 1, or 2 where the flags are wrong.
func saying(_ body: () async throws -> Void) async throws {
  do {
    try await body()
  } catch let exit as ExitCode {
    throw exit
  } catch let fault as ValidationFault {
    printError("Error: \(fault)")
    throw ExitCode(2)
  } catch {
    printError("Error: \(sentence(of: error))")
    throw ExitCode(1)
  }
}
