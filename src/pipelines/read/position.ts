export interface Position {
  /** Both count from 1; columns in UTF-16 code units, as SARIF is told. */
  readonly line: number
  readonly column: number
}

/** Lines and columns of one text. */
export function createPositions(text: string): (offset: number) => Position {
  const starts = [0]
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return (offset) => {
    let low = 0
    let high = starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((starts[middle] ?? 0) <= offset) low = middle
      else high = middle - 1
    }
    return { line: low + 1, column: Math.max(offset, 0) - (starts[low] ?? 0) + 1 }
  }
}
