/** What a command is for the policy: operations on keys, or what it does to the connection itself. */
export type Meaning =
  | { readonly is: 'operations'; readonly operations: readonly KeyOperation[] }
  /** Passed as it is, nothing to decide. */
  | { readonly is: 'plain' }
  /** It would log in, or say who it is: that is done already. `answer` is what a server says. */
  | { readonly is: 'answered'; readonly answer: 'OK' }
  | { readonly is: 'hello'; readonly version: Buffer | undefined }
  | { readonly is: 'select'; readonly database: string }
  /** From here on answers come without a question. */
  | { readonly is: 'subscribe'; readonly operations: readonly KeyOperation[] }
  /** What breaks the order of answers, or the log-in, whatever a role may. */
  | { readonly is: 'never'; readonly why: string }
  /** It reaches what no key of it tells. */
  | { readonly is: 'admin' }

export interface KeyOperation {
  readonly action: 'redis:read' | 'redis:write' | 'redis:publish' | 'redis:subscribe' | 'redis:list'
  /** Undefined for what is of the whole connection. */
  readonly key: Buffer | undefined
}

/** Of commands whose keys stand at fixed places: the first, the last (-1: the last word) and how far one is from the next. */
type Places = readonly [first: number, last: number, step: number]

const one: Places = [1, 1, 1]
const all: Places = [1, -1, 1]
const pairs: Places = [1, -1, 2]
const two: Places = [1, 2, 1]
/** The last word is no key, but for how long to wait. */
const butLast: Places = [1, -2, 1]

/** By lower-case name. No object: a client says `constructor`, too. */
type Named<T> = ReadonlyMap<string, T>

/** Redis 7.2's commands (redis.io/docs/latest/commands), as far as their keys tell all that they reach. */
const reads: Named<Places> = new Map([
  ...ofEach(
    'get strlen getrange substr getbit bitcount bitpos exists:all mget:all ttl pttl expiretime pexpiretime type dump touch:all lcs:two',
  ),
  ...ofEach('hget hmget hgetall hkeys hvals hlen hexists hstrlen hrandfield hscan'),
  ...ofEach('llen lindex lrange lpos'),
  ...ofEach('scard sismember smismember smembers srandmember sscan sdiff:all sinter:all sunion:all'),
  ...ofEach(
    'zcard zcount zlexcount zscore zmscore zrank zrevrank zrange zrangebyscore zrangebylex zrevrange zrevrangebyscore zrevrangebylex zrandmember zscan',
  ),
  ...ofEach(
    'xlen xrange xrevrange xpending pfcount:all geohash geopos geodist geosearch georadius_ro georadiusbymember_ro bitfield_ro',
  ),
])

const writes: Named<Places> = new Map([
  ...ofEach(
    'set setnx setex psetex getset getdel getex append setrange setbit incr decr incrby decrby incrbyfloat bitfield mset:pairs msetnx:pairs',
  ),
  ...ofEach('del:all unlink:all expire pexpire expireat pexpireat persist rename:two renamenx:two restore'),
  ...ofEach('hset hsetnx hmset hincrby hincrbyfloat hdel'),
  ...ofEach(
    'lpush rpush lpushx rpushx lpop rpop lset linsert lrem ltrim rpoplpush:two lmove:two blmove:two brpoplpush:two blpop:butLast brpop:butLast',
  ),
  ...ofEach('sadd srem spop smove:two sdiffstore:all sinterstore:all sunionstore:all'),
  ...ofEach(
    'zadd zincrby zrem zremrangebyrank zremrangebyscore zremrangebylex zpopmin zpopmax bzpopmin:butLast bzpopmax:butLast zrangestore:two',
  ),
  ...ofEach('xadd xack xdel xtrim xclaim xautoclaim xsetid pfadd pfmerge:all geoadd geosearchstore:two'),
])

function ofEach(list: string): [string, Places][] {
  const named = new Map(Object.entries({ all, pairs, two, butLast }))
  return list.split(' ').map((entry) => {
    const [name = '', places = ''] = entry.split(':')
    return [name, named.get(places) ?? one]
  })
}

const plain: ReadonlySet<string> = new Set('ping echo multi exec discard unwatch quit time lolwut'.split(' '))
const lists: ReadonlySet<string> = new Set('scan keys randomkey dbsize'.split(' '))
const never: Named<string> = new Map(
  Object.entries({
    monitor: 'MONITOR shows what all others do',
    sync: 'it turns the connection into a replica’s',
    psync: 'it turns the connection into a replica’s',
    replconf: 'it is for replicas, and may have no answer',
    reset: 'it logs out: open another connection',
  }),
)

/** What these words of a command come to; names are read as servers read them, without regard to case. */
export function meaningOf(words: readonly Buffer[]): Meaning {
  const name = nameAt(words, 0)
  const refused = never.get(name)
  if (refused !== undefined) return { is: 'never', why: refused }
  if (plain.has(name)) return { is: 'plain' }
  if (lists.has(name)) return operations([{ action: 'redis:list', key: undefined }])
  const read = reads.get(name)
  if (read !== undefined) return keysAt(words, read, 'redis:read')
  const write = writes.get(name)
  if (write !== undefined) return keysAt(words, write, 'redis:write')
  return special.get(name)?.(words) ?? { is: 'admin' }
}

type Reader = (words: readonly Buffer[]) => Meaning | undefined

/** Commands with keys where other words say, or that are about the connection. Undefined: `admin`. */
const special: Named<Reader> = new Map(
  Object.entries<Reader>({
    auth: () => ({ is: 'answered', answer: 'OK' }),
    hello: ([, version]) => ({ is: 'hello', version }),
    select: ([, database = Buffer.of()]) => ({ is: 'select', database: database.toString('latin1') }),
    watch: (words) => keysAt(words, all, 'redis:read'),
    // The copy may go to another database.
    copy: (words) =>
      words.length === 3 || (words.length === 4 && nameAt(words, 3) === 'replace')
        ? operations([
            { action: 'redis:read', key: words[1] },
            { action: 'redis:write', key: words[2] },
          ])
        : undefined,
    // BY and GET read keys that only its elements name.
    sort: (words) => sorted(words),
    sort_ro: (words) => sorted(words),
    object: (words) => ofSubcommand(words, ['encoding', 'freq', 'idletime', 'refcount'], 'redis:read', 2),
    memory: (words) => ofSubcommand(words, ['usage'], 'redis:read', 2),
    xinfo: (words) => ofSubcommand(words, ['stream', 'groups', 'consumers'], 'redis:read', 2),
    xgroup: (words) =>
      ofSubcommand(words, ['create', 'createconsumer', 'delconsumer', 'destroy', 'setid'], 'redis:write', 2),
    xread: (words) => streams(words, 'redis:read'),
    xreadgroup: (words) => streams(words, 'redis:write'),
    georadius: (words) => radius(words, 6),
    georadiusbymember: (words) => radius(words, 5),
    zunionstore: (words) => counted(words, 2, 'redis:read', words[1]),
    zinterstore: (words) => counted(words, 2, 'redis:read', words[1]),
    zdiffstore: (words) => counted(words, 2, 'redis:read', words[1]),
    zunion: (words) => counted(words, 1, 'redis:read'),
    zinter: (words) => counted(words, 1, 'redis:read'),
    zdiff: (words) => counted(words, 1, 'redis:read'),
    zintercard: (words) => counted(words, 1, 'redis:read'),
    sintercard: (words) => counted(words, 1, 'redis:read'),
    lmpop: (words) => counted(words, 1, 'redis:write'),
    zmpop: (words) => counted(words, 1, 'redis:write'),
    blmpop: (words) => counted(words, 2, 'redis:write'),
    bzmpop: (words) => counted(words, 2, 'redis:write'),
    bitop: (words) => keysAt(words, [2, -1, 1], 'redis:write'),
    publish: ([, key]) => operations([{ action: 'redis:publish', key }]),
    spublish: ([, key]) => operations([{ action: 'redis:publish', key }]),
    subscribe: (words) => channels(words),
    psubscribe: (words) => channels(words),
    ssubscribe: (words) => channels(words),
    unsubscribe: () => ({ is: 'subscribe', operations: [] }),
    punsubscribe: () => ({ is: 'subscribe', operations: [] }),
    sunsubscribe: () => ({ is: 'subscribe', operations: [] }),
    client: (words) => ofConnection(words),
    config: (words) =>
      showsPassword(words)
        ? {
            is: 'never',
            why: 'its answer may have the password that the gateway logs in with: name single settings, and none of requirepass and masterauth',
          }
        : undefined,
    // What clients ask first: which commands there are.
    command: (words) =>
      words.length === 1 || ['count', 'docs', 'info', 'list'].includes(nameAt(words, 1))
        ? { is: 'plain' }
        : undefined,
  }),
)

function operations(list: readonly KeyOperation[]): Meaning {
  return { is: 'operations', operations: list }
}

function keysAt(
  words: readonly Buffer[],
  [first, last, step]: Places,
  action: KeyOperation['action'],
): Meaning {
  const end = last < 0 ? words.length + last : Math.min(last, words.length - 1)
  const keys: KeyOperation[] = []
  for (let at = first; at <= end; at += step) keys.push({ action, key: words[at] })
  // A command that lacks its key: the server says so.
  return keys.length === 0 ? { is: 'plain' } : operations(keys)
}

function sorted(words: readonly Buffer[]): Meaning | undefined {
  const keys: KeyOperation[] = [{ action: 'redis:read', key: words[1] }]
  for (let at = 2; at < words.length; at++) {
    const word = nameAt(words, at)
    if (word === 'limit') at += 2
    else if (word === 'by' || word === 'get') return undefined
    else if (word === 'store') keys.push({ action: 'redis:write', key: words[++at] })
  }
  return operations(keys)
}

function ofSubcommand(
  words: readonly Buffer[],
  known: readonly string[],
  action: KeyOperation['action'],
  at: number,
): Meaning | undefined {
  if (!known.includes(nameAt(words, 1))) return undefined
  return operations([{ action, key: words[at] }])
}

function streams(words: readonly Buffer[], action: KeyOperation['action']): Meaning | undefined {
  // GROUP and a consumer may be called `streams`, too: options are passed by what they take.
  const takes = new Map(Object.entries({ count: 1, block: 1, group: 2, noack: 0 }))
  let at = 1
  for (;;) {
    const word = nameAt(words, at)
    if (word === 'streams') break
    const count = takes.get(word)
    if (count === undefined || at >= words.length) return undefined
    at += count + 1
  }
  const rest = words.slice(at + 1)
  if (rest.length % 2 !== 0) return undefined
  return operations(rest.slice(0, rest.length / 2).map((key) => ({ action, key })))
}

function radius(words: readonly Buffer[], options: number): Meaning {
  const keys: KeyOperation[] = [{ action: 'redis:read', key: words[1] }]
  for (let at = options; at < words.length; at++)
    // Whatever stands before it: a key too many is asked for at most.
    if (['store', 'storedist'].includes(nameAt(words, at)))
      keys.push({ action: 'redis:write', key: words[at + 1] })
  return operations(keys)
}

/** Keys that a number before them counts. */
function counted(
  words: readonly Buffer[],
  at: number,
  action: KeyOperation['action'],
  stored?: Buffer,
): Meaning | undefined {
  const count = numberIn(words[at])
  if (count === undefined || at + count >= words.length) return undefined
  const keys = words.slice(at + 1, at + 1 + count).map((key): KeyOperation => ({ action, key }))
  return operations(stored === undefined ? keys : [{ action: 'redis:write', key: stored }, ...keys])
}

function channels(words: readonly Buffer[]): Meaning {
  return {
    is: 'subscribe',
    operations: words.slice(1).map((key) => ({ action: 'redis:subscribe', key })),
  }
}

function ofConnection(words: readonly Buffer[]): Meaning | undefined {
  const subcommand = nameAt(words, 1)
  if (subcommand === 'reply') return { is: 'never', why: 'CLIENT REPLY keeps answers back' }
  if (subcommand === 'tracking') return { is: 'never', why: 'CLIENT TRACKING sends what nobody asked for' }
  return ['setname', 'setinfo', 'getname', 'id', 'info'].includes(subcommand) ? { is: 'plain' } : undefined
}

/** CONFIG GET shows requirepass in the clear; patterns are not taken apart. */
function showsPassword(words: readonly Buffer[]): boolean {
  if (nameAt(words, 1) !== 'get') return false
  return words.slice(2).some((_, at) => {
    const name = nameAt(words, at + 2)
    return !/^[a-z0-9-]+$/.test(name) || ['requirepass', 'masterauth'].includes(name)
  })
}

/** What people are shown of a command: its name, with the subcommand where it has one, and no value. */
export function nameOf(words: readonly Buffer[]): string {
  const name = nameAt(words, 0).toUpperCase()
  const second = nameAt(words, 1).toUpperCase()
  const isContainer = [
    'ACL',
    'CLIENT',
    'CLUSTER',
    'CONFIG',
    'DEBUG',
    'FUNCTION',
    'LATENCY',
    'MEMORY',
    'MODULE',
    'SCRIPT',
  ]
  return isContainer.includes(name) && /^[A-Z-]+$/.test(second) ? `${name} ${second}` : name
}

function nameAt(words: readonly Buffer[], at: number): string {
  const word = words[at]
  return word === undefined || word.length > 40 ? '' : word.toString('latin1').toLowerCase()
}

function numberIn(word: Buffer | undefined): number | undefined {
  const text = word === undefined || word.length > 6 ? '' : word.toString('latin1')
  return /^[1-9][0-9]*$/.test(text) ? Number(text) : undefined
}
