/** What a scanner says, whichever scanner. */
export interface ToolFinding {
  readonly file: string
  readonly rule: string
  /** More than one where a secret has several lines, or parts that belong together. */
  readonly places: readonly ToolPlace[]
}

export interface ToolPlace {
  /** From 1. */
  readonly line: number
  readonly endLine: number
  /** From 0, in characters; left out by who reports none that can be relied on. */
  readonly column?: number
  readonly endColumn?: number
  /** The value, for those who print it. Encoded ones are reported decoded. */
  readonly secret?: string
}

interface GitleaksFinding {
  RuleID: string
  File: string
  StartLine: number
  EndLine: number
  Secret: string
}

export function readGitleaks(text: string): ToolFinding[] {
  return (JSON.parse(text) as GitleaksFinding[]).map(({ RuleID, File, StartLine, EndLine, Secret }) => ({
    file: File,
    rule: RuleID,
    places: [{ line: StartLine, endLine: EndLine, secret: Secret }],
  }))
}

interface KingfisherFinding {
  rule: { id: string }
  finding: { snippet: string; line: number; path: string }
}

export function readKingfisher(text: string): ToolFinding[] {
  const { findings } = JSON.parse(text) as { findings: KingfisherFinding[] }
  return findings.map(({ rule, finding: { path, line, snippet: secret } }) => {
    const endLine = line + (secret.match(/\n/g)?.length ?? 0)
    return { file: path, rule: rule.id, places: [{ line, endLine, secret }] }
  })
}

interface CredSweeperFinding {
  rule: string
  line_data_list: { line_num: number; path: string; value: string }[]
}

export function readCredSweeper(text: string): ToolFinding[] {
  return (JSON.parse(text) as CredSweeperFinding[]).flatMap(({ rule, line_data_list: lines }) => {
    const [first] = lines
    if (first === undefined) return []
    const places = lines.map(({ line_num: line, value: secret }) => ({ line, endLine: line, secret }))
    return [{ file: first.path, rule, places }]
  })
}

interface MayflyFinding {
  rule: string
  file: string
  line: number
  column: number
  end_line: number
  end_column: number
  accepted?: object
}

/** The report of `mayfly scan --report json`, which never has the value: its place is exact instead. */
export function readMayfly(text: string): ToolFinding[] {
  const { findings } = JSON.parse(text) as { findings: MayflyFinding[] }
  return findings
    .filter(({ accepted }) => accepted === undefined)
    .map(({ rule, file, line, column, end_line: endLine, end_column: endColumn }) => ({
      ...{ rule, file },
      places: [{ line, endLine, column: column - 1, endColumn: endColumn - 1 }],
    }))
}
