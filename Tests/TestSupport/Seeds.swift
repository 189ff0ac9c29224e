import Primitives

/// Where tests find the files that lie beside them: `testdata(#filePath, "transfer.txt")`.
public func testdata(_ testFile: String, _ name: String) -> String {
  let folder: Substring = testFile[..<(testFile.lastIndex(of: "/") ?? testFile.startIndex)]
  return "\(folder)/testdata/\(name)"
}
