import KubeModel

/// `/version`: which API this is. Clients decide by major and minor what they may use.
enum VersionDocument {
  static let gitVersion: String = "v1.36.0+tricenter"

  static let json: JSONValue = [
    "major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "36", "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35", "gitVersion": .string(gitVersion), "gitCommit": "", "gitTreeState": "clean", "buildDate": "",
    "goVersion": "", "compiler": "swift", "platform": "linux/amd64",
  ]
}
