import { flowWithin, type Flow } from './flow.ts'
import type { Member } from './model.ts'
import { createRegion } from './region.ts'
import { paxIn, tarBlock, tarHeadIn, type TarHead } from './tar-head.ts'
import { deeper, memberOf, say, type Walk } from './walk.ts'

const maxPaxBytes = 1_048_576
/** Heads that are about the next entry: pax of it or of all, GNU's long name and long link. */
const aboutNext = new Set(['x', 'g', 'X', 'L', 'K'])
/** Links, devices, folders, pipes: readers take no content for them, whatever size their head says. */
const withoutContent = new Set(['1', '2', '3', '4', '5', '6'])

interface Next {
  readonly path?: string
  readonly bytes?: number
}

/**
 * Visits the members of a tar in any of its forms. Where readers go different ways (two sizes for one member, content of a link, a head that
 * is none, what is behind the end), the shorter one is gone, and what is then no head is looked at as it is: so all is seen that any of
 * them would see.
 */
export async function unpackTar(walk: Walk, flow: Flow): Promise<void> {
  const below = deeper(walk)
  if (below === undefined) return
  const inner = { ...below, member: undefined }
  const between = createRegion({ ...inner, name: `${walk.name}!(between)` })
  const names = createRegion({ ...inner, name: `${walk.name}!(names)` })
  let next: Next = {}
  while (!walk.budget.isSpent() && (await flow.fill(1))) {
    await flow.fill(tarBlock)
    const head = tarHeadIn(flow.held)
    const block = flow.take(tarBlock)
    if (head === undefined) {
      await between.add(block)
      continue
    }
    await between.end()
    if (aboutNext.has(head.type)) next = { ...next, ...(await aboutNextIn(flow, head, between.add)) }
    else {
      await names.add(namesIn(head, next))
      if (!(await openMember(inner, walk.member, flow, head, next))) return names.end()
      next = {}
    }
    await between.add(await paddingIn(flow))
  }
  await between.end()
  await names.end()
}

/** Names are chosen as content is. What a long one says is seen where it stands. */
function namesIn(head: TarHead, next: Next): Buffer {
  const name = next.path === undefined ? `${head.name}\n` : ''
  return Buffer.from(head.link === '' ? name : `${name}${head.link}\n`)
}

/** Its content is seen, too: readers skip comments, people put them there. */
async function aboutNextIn(flow: Flow, head: TarHead, see: (bytes: Buffer) => Promise<void>): Promise<Next> {
  const bytes = Math.min(head.bytes, maxPaxBytes)
  await flow.fill(bytes)
  const content = Buffer.from(flow.take(bytes))
  await see(content)
  if (head.type === 'L') return { path: content.toString('utf8').replace(/\0[^]*$/, '') }
  return head.type === 'K' || head.type === 'g' ? {} : paxIn(content)
}

async function openMember(
  inner: Walk,
  told: Walk['member'],
  flow: Flow,
  head: TarHead,
  next: Next,
): Promise<boolean> {
  const name = next.path ?? head.name
  const member = memberOf(inner, name)
  if (member === undefined) return false
  const reader = told?.({ name, type: typeOf(head), link: head.link })
  const bytes = withoutContent.has(head.type) ? 0 : Math.min(head.bytes, next.bytes ?? head.bytes)
  const content = await flowWithin(flow, bytes, reader?.add)
  if (bytes > 0) await member.open(member, content.flow)
  if ((await content.rest()) > 0) say(member, 'broken', 'it breaks off: what is missing was not looked at')
  else reader?.end()
  return true
}

function typeOf({ type }: TarHead): Member['type'] {
  if (type === '1') return 'hard link'
  if (type === '2') return 'symbolic link'
  return withoutContent.has(type) ? 'other' : 'file'
}

/** What fills up the last block. */
async function paddingIn(flow: Flow): Promise<Buffer> {
  const bytes = (tarBlock - (flow.offset % tarBlock)) % tarBlock
  await flow.fill(bytes)
  return flow.take(bytes)
}
