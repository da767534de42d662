import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net'
import { limits } from './limits.ts'

/**
 * What an address may be dialled for:
 * `public`: anybody; `private`: a connection that names the host (RFC 1918, ULA, documentation and
 * benchmarking ranges that networks use inside); `local`: only a connection that names this very address
 * (loopback, link-local and with it every cloud's metadata service, multicast, unspecified).
 */
export type AddressClass = 'public' | 'private' | 'local'

const local = blocks([
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '168.63.129.16/32',
  '100.100.100.200/32',
  '192.0.0.192/32',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/127',
  'fe80::/10',
  // Metadata services in unique local addresses: AWS, GCP, Oracle, Alibaba, Scaleway.
  'fd00:ec2::/32',
  'fd20:ce::254/128',
  'fd00:c1::a9fe:a9fe/128',
  'fd00:100::100:200/128',
  'fd00:42::42/128',
  'ff00::/8',
])
const inner = blocks([
  '10.0.0.0/8',
  '100.64.0.0/10',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  'fc00::/7',
  'fec0::/10',
  '2001:db8::/32',
  '3fff::/20',
  '100::/64',
])
const ofThisMachine = blocks(['0.0.0.0/8', '127.0.0.0/8', '::/127'])
const globalIpv6 = blocks(['2000::/3'])

function blocks(ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', bits] = range.split('/')
    list.addSubnet(address, Number(bits), isIPv4(address) ? 'ipv4' : 'ipv6')
  }
  return list
}

/** The class of an IP address in text form; anything that is not an IP address is `local`, the most refused. */
export function classifyAddress(address: string): AddressClass {
  const family = isIP(address)
  if (family === 0) return 'local'
  if (family === 4) return classify(address, 'ipv4')
  const embedded = embeddedIpv4(address)
  if (embedded !== undefined) return classify(embedded, 'ipv4')
  const verdict = classify(address, 'ipv6')
  // Only 2000::/3 is global unicast (RFC 4291); what is neither is not for us to reach.
  return verdict === 'public' && !globalIpv6.check(address, 'ipv6') ? 'local' : verdict
}

function classify(address: string, family: 'ipv4' | 'ipv6'): AddressClass {
  if (local.check(address, family)) return 'local'
  return inner.check(address, family) ? 'private' : 'public'
}

// IPv4 in IPv6 clothes: mapped ::ffff:0:0/96, NAT64 64:ff9b::/96 and 6to4 2002::/16 reach the IPv4 address.
function embeddedIpv4(address: string): string | undefined {
  const groups = ipv6Groups(address)
  const [g0, g1, g2, g3, g4, g5, g6 = 0, g7 = 0] = groups
  const zeroMiddle = g2 === 0 && g3 === 0 && g4 === 0
  const mapped = g0 === 0 && g1 === 0 && zeroMiddle && g5 === 0xffff
  const nat64 = g0 === 0x64 && g1 === 0xff9b && zeroMiddle && g5 === 0
  if (mapped || nat64) return quad(g6, g7)
  if (g0 === 0x2002) return quad(g1 ?? 0, g2 ?? 0)
  return undefined
}

function quad(high: number, low: number): string {
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
}

function ipv6Groups(address: string): number[] {
  let text = address.split('%')[0] ?? ''
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text)
  if (dotted !== null) {
    const [, prefix, a, b, c, d] = dotted.map((part, i) => (i < 2 ? part : Number(part)))
    const hex = (x: unknown, y: unknown) => ((Number(x) << 8) | Number(y)).toString(16)
    text = `${String(prefix)}${hex(a, b)}:${hex(c, d)}`
  }
  const [left = '', right] = text.split('::')
  const parse = (part: string) => (part === '' ? [] : part.split(':').map((group) => parseInt(group, 16)))
  const head = parse(left)
  if (right === undefined) return head
  const tail = parse(right)
  return [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => 0), ...tail]
}

/**
 * A host name as every room compares it: lower case, without a trailing dot.
 * `undefined` for anything that is neither a plain DNS name (letters, digits, hyphens, dots; RFC 1123)
 * nor an IP address: NUL, CRLF, percent signs, IDNA look-alikes, decimal or hexadecimal addresses.
 */
export function canonicalHost(text: string): string | undefined {
  // Lower-casing makes ASCII of some characters that are not (the Kelvin sign), so these go first.
  if (!/^[\x21-\x7e]{1,254}$/.test(text) || text.includes('%')) return undefined
  const inBrackets = text.startsWith('[') && text.endsWith(']')
  const bare = inBrackets ? text.slice(1, -1) : text
  if (isIPv6(bare)) return new URL(`http://[${bare}]`).hostname.slice(1, -1)
  if (inBrackets) return undefined
  if (isIPv4(bare)) return bare
  const name = (bare.endsWith('.') ? bare.slice(0, -1) : bare).toLowerCase()
  if (name.length > limits.hostNameBytes) return undefined
  const labels = name.split('.')
  if (!labels.every((label) => /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/.test(label))) return undefined
  // 2130706433, 0x7f.1, 127.1: what inet_aton reads as an address is no name.
  if (/^(?:\d+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? '')) return undefined
  return name
}

/** An address, with or without brackets, that is of this link alone: there are the metadata services of clouds. Names are none. */
export function isLinkLocal(host: string): boolean {
  const address = host.replaceAll(/^\[|\]$/g, '')
  return (
    isIP(address) !== 0 &&
    classifyAddress(address) === 'local' &&
    !ofThisMachine.check(address, isIPv4(address) ? 'ipv4' : 'ipv6')
  )
}
