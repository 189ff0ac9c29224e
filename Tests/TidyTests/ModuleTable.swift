/// The modules and their arrows, read from the text of Package.swift.
struct ModuleTable {
  struct Row {
    var name: String
    /// What its sources may import of this project.
    var modules: [String]
    /// What its tests may import beyond that.
    var testModules: [String]
  }

  var rows: [Row] = []
  /// Rooms that Package.swift declares one by one, after the table.
  static let simulation = Row(
    name: "Simulation", modules: ["Primitives", "Consensus", "Keyspace", "Journal", "Store", "SiteLink"], testModules: [])

  init(packageText text: String) {
    for chunk in text.split(separator: "Module(").dropFirst() {
      guard let name: String = Self.strings(chunk, after: "name: ", until: ",").first else { continue }
      rows.append(
        Row(
          name: name, modules: Self.strings(chunk, after: "modules: [", until: "]"),
          testModules: Self.strings(chunk, after: "testModules: [", until: "]")))
    }
    rows.append(Self.simulation)
  }

  static let ofThisCheckout: ModuleTable = {
    let package: SourceFile? = Repository.files.first { $0.path == "Package.swift" }
    return ModuleTable(packageText: package?.text ?? "")
  }()

  /// Every name that an `import` of this project can have.
  var projectNames: Set<String> { Set(rows.map(\.name) + ["COpenSSL", "CZstd", "CLinux", "TestSupport", "tricenter"]) }

  private static func strings(_ text: Substring, after start: String, until end: String) -> [String] {
    guard let range: Range<Substring.Index> = text.firstRange(of: start) else { return [] }
    let rest: Substring = text[range.upperBound...]
    let inside: Substring = rest[..<(rest.firstRange(of: end)?.lowerBound ?? rest.endIndex)]
    return inside.split(separator: "\"", omittingEmptySubsequences: false).enumerated()
      .filter { $0.offset % 2 == 1 }.map { String($0.element) }
  }
}

extension SourceFile {
  /// The modules that a Swift file imports.
  var imports: [(line: Int, module: String)] {
    lines(with: "import").compactMap { number in
      let text: String = line(number)
      guard !text.contains("\"") else { return nil }
      var words: ArraySlice<Substring> = text.split(separator: " ")[...]
      while let word = words.first, word.hasPrefix("@") || ["public", "package", "internal", "private"].contains(word) {
        words = words.dropFirst()
      }
      guard words.first == "import", words.count >= 2 else { return nil }
      let kinds: [Substring] = ["struct", "class", "enum", "func", "protocol", "typealias", "var", "let"]
      let module: Substring =
        kinds.contains(words[words.startIndex + 1]) && words.count > 2 ? words[words.startIndex + 2] : words[words.startIndex + 1]
      return (number, String(module.prefix { $0 != "." }))
    }
  }
}
