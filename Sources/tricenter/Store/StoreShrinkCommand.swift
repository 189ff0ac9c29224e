import ArgumentParser
import Primitives
import Site
import Store

struct StoreShrinkCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "shrink", abstract: "Take the votes of a center's members, so that the others commit without it.",
    discussion: """
      First the other cities get all that is written; then the change is made over a joint configuration. The members listen from then on. \
      Those of a center that is gone vote again when they are back and have caught up; those of one that is there, or with --hold, after \
      `tricenter store regrow`. Exit code 2: refused, for example since too few would be left.
      """)
  @OptionGroup var reach: StoreReach
  @Option(help: "The center.") var center: String
  @Flag(help: "Its votes come back with `regrow` alone.") var hold: Bool = false

  func run() async throws {
    let (site, tool): (Site, RecoveryTool) = try reach.load()
    let center: CenterName = try reach.center(center, site)
    try await telling {
      try await tool.shrink(center: center, hold: hold)
      printLine("The members of \(center) vote no more.")
    }
  }
}

struct StoreRegrowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "regrow", abstract: "Let a center's members vote again, each as soon as it has caught up.")
  @OptionGroup var reach: StoreReach
  @Option(help: "The center.") var center: String

  func run() async throws {
    let (site, tool): (Site, RecoveryTool) = try reach.load()
    let center: CenterName = try reach.center(center, site)
    try await telling {
      try await tool.regrow(center: center)
      printLine("The members of \(center) vote as soon as they have caught up.")
    }
  }
}
