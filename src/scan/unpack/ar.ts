import { flowWithin, type Flow } from './flow.ts'
import { openRest } from './gzip.ts'
import { deeper, memberOf, say, type Walk } from './walk.ts'

const [magicBytes, headBytes] = [8, 60]

/** An archive of `ar`, as a Debian package is one. */
export async function unpackAr(walk: Walk, flow: Flow): Promise<void> {
  const inner = deeper(walk)
  if (inner === undefined) return
  flow.take(magicBytes)
  while (!walk.budget.isSpent() && (await flow.fill(headBytes))) {
    const head = flow.held.toString('latin1', 0, headBytes)
    const size = /^(\d{1,10}) *`\n$/.exec(head.slice(48))?.[1]
    if (size === undefined) break
    flow.take(headBytes)
    const member = memberOf(inner, head.slice(0, 16).trim().replace(/\/$/, ''))
    if (member === undefined) return
    const content = await flowWithin(flow, Number(size))
    await member.open(member, content.flow)
    if ((await content.rest()) > 0) say(member, 'broken', 'it breaks off: what is missing was not looked at')
    if (Number(size) % 2 === 1 && (await flow.fill(1))) flow.take(1)
  }
  await openRest(walk, flow)
}
