import Testing

/// Arrows between modules point one way, as Package.swift draws them; SwiftPM itself lets a module import what its dependencies import.
@Suite struct ImportTests {
  let table: ModuleTable = .ofThisCheckout

  @Test func theTableIsRead() {
    #expect(table.rows.count > 25)
    #expect(table.rows.first { $0.name == "Federation" }?.modules.contains("KubeClient") == true)
    #expect(table.rows.first { $0.name == "Primitives" }?.modules == [])
  }

  @Test func noArrowsInACircle() {
    var open: [String: Set<String>] = [:]
    for row in table.rows { open[row.name] = Set(row.modules.filter { !["COpenSSL", "CZstd", "CLinux"].contains($0) }) }
    while let name: String = open.first(where: { $0.value.isEmpty })?.key {
      open[name] = nil
      for other in open.keys { open[other]?.remove(name) }
    }
    #expect(open.isEmpty, "these modules import one another in a circle: \(open.keys.sorted())")
  }

  @Test func aModuleImportsOnlyWhatPackageSwiftListsForIt() {
    var problems: [String] = []
    for row in table.rows {
      let allowed: Set<String> = Set(row.modules)
      problems += strangers(in: "Sources/\(row.name)", allowed: allowed)
      problems += strangers(in: "Tests/\(row.name)Tests", allowed: allowed.union(row.testModules).union([row.name, "TestSupport"]))
    }
    expectNone(problems)
  }

  private func strangers(in folder: String, allowed: Set<String>) -> [String] {
    Repository.files.filter { $0.isSwift && $0.isBelow(folder) }.flatMap { file in
      file.imports.filter { table.projectNames.contains($0.module) && !allowed.contains($0.module) }
        .map { "\(file.path):\($0.line): Package.swift lists no arrow to \($0.module)" }
    }
  }

  @Test func aFolderOfSourcesIsAModuleOfTheTable() {
    let known: Set<String> = table.projectNames
    let strange: [String] = Repository.entries("Sources").filter { !known.contains($0) }
    #expect(strange.isEmpty)
    let tests: Set<String> = Set(table.rows.map { "\($0.name)Tests" } + ["TestSupport", "TidyTests", "EndToEndTests", "run"])
    #expect(Repository.entries("Tests").filter { !tests.contains($0) }.isEmpty)
  }

  @Test func theTableInTheReadmeIsTheOneInPackageSwift() throws {
    let readme: SourceFile = try #require(Repository.files.first { $0.path == "README.md" })
    var told: [String: Set<String>] = [:]
    for line in readme.text.split(separator: "\n") where line.hasPrefix("| `") {
      let cells: [Substring] = line.split(separator: "|")
      guard cells.count == 3, let name: Substring = cells[0].split(separator: "`").dropFirst().first else { continue }
      let words: [Substring] = cells[2].split { $0 == " " || $0 == "," }
      told[String(name)] = Set(words.map(String.init).filter { $0 != "—" })
    }
    for row in table.rows {
      #expect(told[row.name] == Set(row.modules), "README.md tells other arrows of \(row.name) than Package.swift draws")
    }
  }
}
