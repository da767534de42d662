/** What a name says its value is. A password is thought up by people, so less is asked of it. */
export type Named = 'password' | 'secret'

const words = (text: string) => new Set(text.trim().split(/\s+/))

const passwords = words('password passwd passphrase passcode')
const secrets = words(`
  secret token apikey credential credentials authkey accesskey secretkey privatekey authtoken accesstoken bearer pat
`)
/** A key alone is of a map, of a table or of a lock; with one of these before it, it opens something. */
const keyed = words(`
  api access secret private auth signing sign encryption encrypt crypt cipher master account client service session storage shared
  webhook jwt hmac app admin deploy bot sas subscription function consumer customer license licence integration ingest write
  decryption decrypt security root application user server push stream bucket s3 aws gcp azure stripe ssh site host hash
`)
/** Names of things that are known to all, or are about a secret and none. */
const never = words(`
  public publishable pub csrf xsrf cache sort primary foreign partition index translation i18n lookup keyboard shortcut cursor page
  next continuation pagination policy rules validator validation validate hint placeholder label title message error errors strength
  forgot reset confirm confirmation hashed hash digest checksum sha md etag fingerprint field column param regex pattern
  schema template test fake mock dummy example sample node syntax lexer parser count counts length size min max limit ttl expiry expires
  expiration expired age timeout interval duration encoder algorithm alg type kind class style scope scopes audience issuer format
  version uuid guid revision commit no without has is enable enabled disable disabled require required use show hide toggle visible
  visibility allow valid invalid verified deprecated and
`)
/** What a name ends with that is about a secret: where it is, how it is called. */
const endings = words(`
  stdin id ids name names path file files filename dir directory folder url uri urls endpoint host hostname port type prefix suffix header
  headers len at in on date time created updated provider service manager store storage method mode source reference ref refs arn
  selector key_name env var variable vars option options config settings info data metadata status state event action handler factory
  builder helper util utils input output form dialog view page button icon text description desc list set map array object owner user
  username email group role region location address bits budget usage used cost price symbol contract
`)

const part = /[A-Z]{2,}(?![a-z])|[A-Z]?[a-z]+|[A-Z]/g

/** Lower case, split where words begin, and without numbers: `myApiKey2`, `MY_API_KEY` and `my-api.key` are `my api key`. */
function partsOf(name: string): readonly string[] {
  return name.match(part)?.map((one) => one.toLowerCase()) ?? []
}

export function namedBy(name: string): Named | undefined {
  const parts = partsOf(name)
  const last = parts.at(-1) ?? ''
  if (endings.has(last) || parts.some((part) => never.has(part))) return undefined
  if (parts.some((part) => passwords.has(part) || isOfPassword(part)) || /^(?:pass|pwd|pw)$/.test(last))
    return last === 'key' ? undefined : 'password'
  return isOfSecret(parts) ? 'secret' : undefined
}

/** Written as one word: `dbpassword`, `mysqlpass`. */
function isOfPassword(part: string): boolean {
  if (/(?:password|passwd|passphrase|pwd)$/.test(part)) return true
  return /^(?:my|db|sql|mysql|pg|redis|mongo|ftp|smtp|imap|mail|email|user|root|admin|ldap|ssh|vpn|login|new|old|key|trust)pass$/.test(
    part,
  )
}

function isOfSecret(parts: readonly string[]): boolean {
  return parts.some((word, at) => {
    if (secrets.has(word) || /(?:secret|token|apikey|secretkey|accesskey|privatekey)$/.test(word)) return true
    if (word === 'auth') return at === parts.length - 1 && at > 0
    return word === 'key' && keyed.has(parts[at - 1] ?? '')
  })
}
