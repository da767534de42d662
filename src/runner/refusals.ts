/** What the step was refused, for the reader of the job's log, whatever the tool that was refused shows of it. */
export interface Refusals {
  /** A line once: the same again, under another request id, is not shown. */
  readonly tell: (line: string) => void
  /** So many more that we were told of by number only. */
  more(count: number): void
  /** Says how many were not shown, and where they are. */
  end(): void
}

const maxLines = 200

export function createRefusals(tell: (line: string) => void, runId: string): Refusals {
  const told = new Set<string>()
  let hidden = 0
  return {
    tell(line) {
      const key = line.replace(/\(req_\w+\)/, '')
      if (told.has(key)) return
      if (told.size >= maxLines) return void hidden++
      told.add(key)
      tell(line)
    },
    more(count) {
      hidden += count
    },
    end() {
      if (hidden > 0)
        tell(
          `mayfly: ${hidden} more refusals, for the reasons above or beyond the first ${maxLines}: mayfly audit show --run ${runId}`,
        )
      hidden = 0
    },
  }
}

/** Refusals that came from the server, and how many more there were. */
export function showRefusals(
  refusals: Refusals,
  { lines, more }: { readonly lines: readonly string[]; readonly more: number },
): void {
  for (const line of lines) refusals.tell(line)
  refusals.more(more)
}
