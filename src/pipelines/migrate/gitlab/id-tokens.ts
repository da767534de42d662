import type { YamlView } from '../../read/yaml-view.ts'
import type { Edit } from '../edits.ts'
import { indentTo, lineBreak, lineEnd, lineStart } from '../lines.ts'
import { isFlow } from '../take-out.ts'

export const tokenName = 'MAYFLY_ID_TOKEN'
const reason = 'the job’s identity token, made for Mayfly alone (id_tokens)'

/**
 * The identity token for one job, in front of its script. `inherited`: those that the file gives every job, which a job that
 * names tokens of its own does not get.
 */
export function idTokenEdits(
  text: string,
  job: YamlView,
  scriptAt: number,
  server: string,
  inherited: YamlView,
): Edit[] {
  const own = job.pair('id_tokens')
  const audience = JSON.stringify(server)
  const entry = `${tokenName}: { aud: ${audience} }`
  if (own !== undefined && !own.isMerged) {
    const said = own.value.get(tokenName)
    if (said.isThere) {
      const aud = said.get('aud')
      return aud.value === server
        ? []
        : [
            {
              ...(aud.isThere ? aud : said).span,
              text: aud.isThere ? audience : `{ aud: ${audience} }`,
              reason,
            },
          ]
    }
    const last = own.value
      .pairs()
      .filter(({ isMerged }) => !isMerged)
      .at(-1)
    if (last === undefined || isFlow(text, own.value)) {
      const at = own.value.span.start + 1
      return [{ start: at, end: at, text: last === undefined ? ` ${entry} ` : ` ${entry},`, reason }]
    }
    const end = lineEnd(text, last.span.start + text.slice(last.span.start, last.span.end).trimEnd().length)
    const line = `${indentTo(text, last.span.start)}${entry}`
    const newline = lineBreak(text)
    return [
      { start: end, end, text: text[end - 1] === '\n' ? `${line}${newline}` : `${newline}${line}`, reason },
    ]
  }
  const others = inherited.pairs().map(({ key, value }) => {
    const audiences = value
      .get('aud')
      .texts()
      .map((one) => JSON.stringify(one.value))
    return `${key.value}: { aud: ${audiences.length === 1 ? audiences[0] : `[${audiences.join(', ')}]`} }`
  })
  const start = lineStart(text, scriptAt)
  const indent = indentTo(text, scriptAt)
  const lines = [`${indent}id_tokens:`, ...[...others, entry].map((line) => `${indent}  ${line}`)]
  return [{ start, end: start, text: lines.map((line) => `${line}${lineBreak(text)}`).join(''), reason }]
}
