/** Made by scripts/scan-vocabulary.ts. */
export const vocabulary = `
000 0000 111 1111 123 1234 12345 123456 abc abcd abcdef abcmeta ability abl able abort abortable aborted
about above abs absent absolute abspath abstract aca acc accent accept acceptable accepted accepting
accepts access accessed accessible accessing accessor accidentally according accordingly account
accumulate accumulated accumulator ace ach ack acknowledge acquire across act action actions activate
active actual actually adapted adapter adaptive add added adding addition additional additionally addr
address addresses adds ade adj adjacent adjust admin advance advanced affect affected affects after
afterwards again against age agent aggregate aggregated agreed agreement aia ail ain ajv ale alg
algorithm algorithms ali alias aliased aliases align alignment alive all alloc allocate allocated
allocation allow allowed allowing allows almost alone along alpha alphabet alphanumeric already als also
alter alternate alternative alternatively alternatives although always amazon amazonaws ambiguous ame
amount ampersand analyse analysis analyze anc ancestors anchor anchors and android ang angle annotated
annotation annotations anonymous another ans ansi answer ant any anything anyway anywhere apache api apis
apostrophe app appear appears append appended appending appends apple applicable application applications
applied applies apply applying approach appropriate appropriately ara arbitrary arc architecture archive
ard are aren arg argparse args argument arguments argv ari arising arithmetic around arr array
arraybuffer arrays arrow ars art ascending ascii asdf ase ash asn ass assembly assert assertion
assertions asserts assign assignable assigned assigning assignment assignments associate associated
assume assumed assumes assuming ast asterisk astvisitor asymmetric async asynchronous asynciterable ata
atc ate ath ati ato atomic att attach attached attachment attacks attempt attempted attempting attempts
attestation attr attribute attributes attrs audience aut auth authenticate authenticated author authority
authorization authorized authors auto automatic automatically availability available ave average avoid
avoids await awaited aware aws bac back backend backends background backoff backpressure backslash
backslashes backspace backtick backward backwards bad badge balancing bar bare bas base based basename
bash basic basically basis batch baz bearer because become becomes been before begin beginning begins
behaves behavior behaviour behind being belongs below bench benchmark benchmarks ber best better between
beyond big bigint bin binaries binary bind binding bindings bit bits bitwise black blank ble blob block
blocking blocks blue body bold bool boolean booleans bootstrap border boston both bottom bound boundaries
boundary bounds box brace bracket brackets branch branches brand break breaking breaks brightgreen broken
browser browsers bsd bucket buf buffer buffered buffering buffers bug bugs build builder building builds
built builtin builtins bundle bundled bundler business but bygroups bypass byte bytearray bytecode bytes
cache cached caches caching cal calculate calculated calculates calculator calendar call callable
callback callbacks called callee caller callers calling calls camel can cancel cancellation cancelled
candidate candidates cannot canonical canonicalize canonicalized cap capabilities capability capacity
capital capitalize capture captured card care careful carriage carries carry cas case cases cast cat
catalog catch catchall categories category caught cause caused causes causing ccompiler cedilla ceil
center cert certain certificate certificates certification ces cha chain chained chaining challenge
change changed changelog changes changing channel channels channelz char character characters charge
charmap chars charset che check checked checker checking checks checksum chi child children choice
choices choose chosen christopher chunk chunked chunks cidrv cipher ciphers circular circumflex cjs cke
cla claim claims class classes classic classmethod classname clause clean cleanup clear clears cli client
clients clo clock clone cloned close closed closes closing closure cloud cls cluster cmd coalesce cod
code codec codecs codegen codes coding coerce coerced coercion cognito col collapse collect collected
collecting collection collections collector colon color colors column columns com combination
combinations combine combined combining come comes comma command commands comment comments commercial
commit common commonly communicate communication community compact comparable comparables comparator
compare compared compares comparing comparison comparisons compat compatibility compatible compilable
compilation compile compiled compiler compilers compiles compiling complement complete completed
completely completes completion complex complexity compliance compliant complicated component components
compose composed composite compound compress compressed compression computation compute computed computes
computing con concat concatenate concatenated concrete concurrency concurrent concurrently condition
conditional conditionally conditions config configparser configs configurable configuration configure
configured configuring confirm conflict conflicting conflicts conjunction connect connected connecting
connection connections connectivity connector consecutive consequential consider considered consistency
consistent consisting consists console const constant constants constrained constraint constraints
construct constructed constructing construction constructor constructors constructs consume consumed
consumer consumers consuming contact contain contained container containers containing contains content
contents context contextlib contexts contextual continuation continue continues contract contribute
contributing contributions contributor contributors control controlled controller controls convenience
convenient convention conversion convert converted converter converters converting converts cookie
cookies coordinate coordinates copied copies copy copying copyright cor core coroutine corporation
correct correction correctly correspond corresponding corresponds cost could count counter counting
counts cover coverage coveralls cpython cre create created creates creating creation credential
credentials credit credits cri critical cross crypto cryptography cte cti cto ctor ctx cuid cur curly
currency current currently cursor curve custom customization customize customized cwd cxt cycle cycles
cyclone damages darwin dash dat data database databases datatracker date datetime deadline deal dealings
debug debugger debugging dec decide decimal decision declaration declarations declare declared decode
decoded decoder decodes decoding decompress decorate decorated decorator decorators decrypt ded dedent
deep def default defaultdict defaulted defaulting defaults defer deferred define defined defines defining
definitely definition definitions deflate defs degree del delay delayed delegate delete deleted
deliberately delimited delimiter delimiters delitem delta den denied depend dependencies dependency
dependent depending depends deprecate deprecated deprecation deps depth der derive derived des desc
descending describe described describes describing description descriptions descriptor descriptors
deserialize deserialized deserializer designed desired dest destination destroy destroyed detached detail
detailed details detect detected detecting detection determine determined determines determining
deterministic dev developer developers development device diaeresis diagnostic diagnostics diagram
dialect dialects dict dictionaries dictionary did didn diff differ difference differences different
differently differs digest digit digits din dir direct direction directive directives directly
directories directory dirname dirs dis disable disabled disables disabling discard discarded disclaimer
disconnect disconnected discriminated discriminator discussion dispatch dispatcher display displayed
displaying disposable dispose disposition dist distance distinct distinguish distinguished distribute
distributed distribution distributions distutils division divisor doc docs docstring document
documentation documented documents does doesn doing dollar domain domexception don done dot dotall dotted
double down download downloaded downloads downstream draft drain driver drop dropped dual dualstack due
dummy dump duplex duplicate duplicated duplicates duration during dynamic dynamically each ead ear
earlier early eas easier easily easy eat ecdsa eci ecmascript eco econnreset ecosystem ect edge edi edit
editable editor effect effective effectively effects efficient efficiently effort efi eight either ele
element elements eli elif ell ellipsis else elsewhere ely ema email embedded eme emit emits emitted
emitter emitting emoji emp empty ena enable enabled enablers enables enabling enc encapsulated
encapsulates encapsulation enclosing encode encoded encoder encodes encoding encodings encountered
encrypt encrypted encryption end ended endian ending endpoint endpoints endregion ends endswith ene
enforce enforced engine enough enqueue enquiry ens ensure ensures ensuring ent enter entire entirely
entities entity entries entry entrypoint enum enumerable enumerate enumerated enumeration enums env
envelope environ environment environments eof epoch equ equal equality equals equivalent era ere eri erm
ern err errno error errors ers ert erv esc escape escaped escapes escaping ese eslint esm especially ess
essentially est established eta etc ete ets eval evaluate evaluated evaluates evaluation eve even event
events eventually ever every everything exact exactly example examples exc exceeded exceeds except
exception exceptions exchange exclamation exclude excluded excludes excluding exclusive exe exec
executable executables execute executed executes executing execution executor exhausted exist existence
existent existing exists exit exited exiting exp expand expanded expanduser expansion expect expected
expecting expects expensive experimental expiration expired expires explain explicit explicitly exponent
exponential export exported exports expose exposed exposes expr express expressed expression expressions
ext extend extended extending extends extensible extension extensions extern external externally extra
extract extracted extracts extras factor factories factory fail failed failing fails failure failures
fall fallback falling falls fallthrough false family fast faster fastify fatal fault feature features
feed fer fetch fetched fetching ffff fie field fields fifth figure fil file filename filenames fileno
filepath files filesystem fill filled filter filtered filtering filters fin final finalize finalized
finalizer finally find finder finding finditer fingerprint finish finished finishes finite fips first
fitness five fix fixed fixes fixtures flag flags flat flatten flattened float floating floor flow flush
folded folder follow followed following follows foo for forbidden force forces foreign forever forget
fork form format formats formatted formatter formatters formatting formed forms forward forwarded
forwarding found foundation four fraction fractional fragment fragments frame frames framework franklin
free freeze frequency frequently fresh friendly from front frozen frozenset fulfilled full fullname fully
func function functional functionality functions functools furnished further future garbage gaxios gen
gencodec general generalized generally generate generated generates generating generation generator
generators generic ges get getattr getcwd getitem getregentry gets getstate getter getters getting
getvalue ght gin git github gitignore give given gives giving glob global globally globals gnu goes going
good google got governing gra gracefully grammar grant granted graph graphql grave gre greater green
greeting group grouped groups grpc guarantee guaranteed guarantees guard guess guid guide had half han
hand handle handled handler handlers handles handling handshake happen happens har hard has hasattr hash
hashable hashes have having hazmat head header headers heading height hello help helper helpers helpful
her here hereby herebyfile hex hexadecimal hidden hide hierarchy high higher highest highlight
highlighted highlighting hin hint hints historical history hmac hold holder holders holds home hook hooks
hope hor horizontal host hostname hosts hour hours how however href html http https human hyphen ial ian
iban ica ice ick ide idempotency idempotent ident identical identified identifier identifiers identifies
identify identifying identity idle ids ies ietf ifi igh ign ignore ignorecase ignored ignores ignoring
ile ili ill illegal ima image imaginary ime img imi immediate immediately immutable imp impl implement
implemented implementing implements implicit implicitly implied implies import important imported
importing importlib imports impossible improve ina inc incidental include included includes including
inclusion inclusive incoming incompatible incomplete inconsistent incorrect incorrectly increase
increasing increment incremental incrementally incremented ind indent indentation indented independent
independently index indexed indexes indicate indicated indicates indicating indicator indicators indices
indirect individual ine inf infer inference inferred infinite infinity info information informational
infringement ing inherit inheritance inherited inherits ini init initial initialize initialized
initializer initializes initializing initially inject injection inline inner input inputs ins insecure
insensitive insert inserted inside inspect inspector inspired install installation installed installer
installing installs instance instanceof instances instantiate instantiated instantiates instantiating
instantiation instead instruction instructions insufficient int integer integers integration intended
intentionally interaction interactive intercept intercepting interceptor interceptors interesting
interface interfaces intermediate internal internally internals internet interpol interpolation interpret
interpreted interpreter interrupt interrupted interruption intersect intersection interval into intrinsic
introduced introspection introspector inv invalid invalidate invariant inverse inverted invocation invoke
invoked invokes invoking ion iowrapper ipsum ipv ire isc isdir ise isfile isinstance isn iso isoduration
isolated isolation isostring issubclass issue issuecomment issued issuer issues ist istanbul italic ite
item items iter iterable iterate iterating iteration iterations iterator itertools iti its itself ity ive
ize java javascript join joined jsdoc json jsonschema jsontype jsutils just justification jwt kaboom keep
keepalive keeping keeps kept kernel key keyboard keyed keyof keys keyword keywords kin kind kinds know
known ksuid kwargs kysely label labels lambda lan lang language languages lar large larger las last lat
later latest latin latter law layer layout lazily lazy lea lead leading leaf least leave leaves leaving
led left legacy len length lengths ler les less lesser let letter letters level levels lex lexer lexers
lexical liability liable lib libraries library lic license licensed licenses lid lifecycle lifetime light
like likely limit limitation limitations limited limits lin line linear lineno lines link linked links
linux lis list listdir listed listen listener listeners listening listing lists lit literal literals
little live liz lle lli llo lly loa load loaded loader loading loads loc local locale locales localhost
locally locals locate located location locations lock locked log logged logger logging logic logical
login logs lon long longer longest look lookahead looking looks lookup lookups loop loopback loose lorem
loss low lower lowercase lstrip mac machine machinery macro made magenta magic main maintain maintained
maintainers major make makes making mal malformed man manage managed management manager mandatory
manifest manipulation manual manually many map mapped mapper mapping mappings maps mar mark markdown
marked marker markers marks markup marshaller masculine mask master mat match matched matcher matches
matching material materialized materials math matter max maximum maxsize may maybe mean meaning
meaningful means meant measure measurement mechanism mechanisms med media medium member members memoize
memoized memory memoryview men mentioned mer merge merged merging mes message messages met meta metaclass
metadata method methods metric metrics micro microsoft middle middleware might migration millis
millisecond milliseconds mime mimetypes min minimal minimum minor minus minute minutes misc miscellaneous
mismatch missing mit mixed mixin mjs mkdir mod mode model models modern modes modification modifications
modified modifier modifiers modifies modify modifying module modules mon monitor monotonic month more
most mostly move moved mozilla mpl msg much mul multi multibyte multiline multipart multiple multiplier
must mutable mutate mutation mutually mysql nal nam name named namedtuple names namespace namespaces
naming nan nanoid narrow nat native natural nce nco nde ndi nds necessarily necessary ned need needed
needs negated negative negligence negotiation neither neostandard ner nes nested nesting net netscape
network never new newer newline newlines next nfo nge nin nit nne node nodejs nodes non nonce none
nonnegative nonoptional nonpositive noop noqa nor normal normalization normalize normalized normalizes
normally normcase normpath not notation note notes nothing notice notification notify now npm npmjs nse
nsi nst nta nte nti ntr nts null nullable nullish num number numbers numeric oad oauth oauthlib obj
object objects observed obtain obtained obtaining oca occur occurred occurrence occurrences occurs ock
oct octet ode off official offset offsets often oidc oin old older oll omit omitted omm omp ona once one
ones onf ong only ons ont onto opaque ope open opened opening opensource openssl operand operating
operation operations operator operators opt optimization optimize optimized option optional optionally
options opts ord order ordered ordering ordinal ordinary ore org organization ori orig origin original
originally orm ors ort ose oserror ost ote other others otherwise oun our out outer outfile outgoing
output outputs outside ove over overflow overhead overlap overlapping overload overridden override
overrides overriding overwrite overwrites overwriting overwritten owasp own owner pac package packages
packaging packed packet packets pad padding page pages pair pairs par parallel paralleldrive param
parameter parameters parametric params parent parentheses parenthesis parenthesized parse parsed parser
parsers parses parsing part partial partially particular particularly partition parts party pass passed
passes passing passthrough password past pat patch path pathlib pathname paths pattern patterns pause
payload pec peculiar peer pen pending people pep per percent percentage perform performance performed
performing performs perhaps period permission permissions permit permitted persistent person persons
phase pick pin pino pip pipe pipeline pkcs pkg pla place placeholder placeholders plain plaintext plan
platform platforms ple please pli pluggable plugin plugins plus point pointer pointing points policies
policy polyfill pool pop populate populated por port portion portions pos position positional positions
positive posix possibility possible possibly post postgre postgres potential potentially power ppe
practice pragma pre precedence preceding precision precondition predefined predicate predicates prefault
prefer preference preferences preferred prefix prefixed prefixes prepare prepared prepend prepended
preproc preprocess preprocessor prerelease presence present preserve preserved preserves preserving
prettier pretty prev prevent preventing prevents previous previously pri primarily primary primitive
primitives print printable printed printer printing prints prior priority private pro probably problem
problems procedure proceed process processed processes processing processor processors procurement
produce produced produces producing product production products profile profiles profits program
programming programs progress project projects promise promises promisify prompt prop propagate
propagated propagation proper properly properties property props protect protected protection proto
protobuf protoc protocol protocols prototype provide provided provider providers provides providing proxy
pseudo pti public publish published pull punctuation pure purpose purposes push put pygments pyparsing
python qlerror qlschema qua qualified qualifier qualname que queries query querystring question questions
queue queued quite quotation quote quoted quotes qwerty rac raise raised raises ram ran random range
ranges rap rat rate rather ratio raw rce rea reach reachable reached reaches react read readable readdir
reader reading readline readme readonly reads ready real really realpath reason reasonable reasons rec
receive received receiver receives receiving recent recently recipient recognize recognized recommend
recommended record recorded recorder records recurse recursion recursive recursively red redact redirect
redirected redirection redirects redistribute reduce redundant ree ref refer reference referenced
references referencing refers refine refinement refinements reflect reflected reflection refresh refs reg
regardless regex regexes regexp region register registered registering registers registration registries
registry regression regular reinitialize reject rejected rejection rejects rel related relation relative
release released releases relevant rem remain remainder remaining remains remarks remember remote removal
remove removed removes removing ren rename renamed render renderable rendered rep repeat repeatable
repeated repeatedly replace replaced replacement replacer replaces replacing reply report reported
reporter reporters reporting reports repository repr represent represented representing represents
reproduce req request requested requesting requests require required requirement requirements requires
requiring res reserved reset resize resolution resolve resolved resolver resolvers resolves resolving
resource resources respect respective respectively respond response responses responsible rest restore
restrict restricted restriction restrictions result resulting results resume ret retain retained retries
retrieve retrieved retrieves retry retryable return returncode returned returning returns reuse reused
rev reverse reversed revocation rewrite rewritten rfc ria ric rich rie right rights rin rip rit rma role
rollback root rop rotate rou round route router routes routine row rows rpartition rpc rre rro rse rsi
rstrip rte rti rule rules run runner running runs runtime runtimes safe safely safety same sample samples
sanitize satisfied satisfies satisfy save saved sca scalar scalars scale scan scanning scenarios schedule
scheduled schema schemas scheme schemes sco scope scoped scopes scr screen script scripts sdk search
searched searching sec second secondary seconds secret section sections secure security sed see seek
seems seen segment segments sel select selected selection selections selector selectors self semantic
semantics semicolon semver sen send sending sends sense sensitive sent sentinel sep separate separated
separately separator separators seq sequence sequences sequential ser serde serial serializable
serialization serialize serialized serializer serializers serializes serializing series server servers
service services ses session sessions set setattr setdefault setitem sets setstate setter setting
settings settled setup setuptools seven several severity sha shall shallow shape share shared she shell
shields shift sho short shortcut shorter shorthand should shouldn show shown shutdown shutil sibling side
sig sign signal signals signature signatures signed signer significant significantly signin signing
sigstore silent silently similar similarly simple simplefilter simplified simplify simply sin since
single singleton sio sit site situation situations six siz sizable size sizing skew skip skipped skipping
skips slash slashes sleep slice slightly slots slow slower small smaller smithy snapshot socket sockets
soft software sol solidus some someone something sometimes somewhere son sort sortable sorted sorting
source sources spa space spaces span spawn spawning spdx spe spec special specialized specific
specifically specification specified specifier specifiers specifies specify specifying specs speed splice
split splitext splitlines spread sql sqlite square src sse ssi ssl ssoclient ssooidcclient sta stable
stack stacklevel stackoverflow standalone standard standards star start started starting starts
startswith startup stat state statement statements states static staticmethod statistics stats status
stay stays stderr stdin stdout ste step steps sti still sto stop stopped stops storage store stored
stores storing str straight strategies strategy stream streaming streamreader streams streamwriter strict
strictly string stringified stringify strings strip stripped strong struct structural structure
structured structures stsclient stuff style styles sub subarray subchannel subclass subclasses
subdirectory subheading subject sublicense submit submodule submodules subprocess subschema subscribe
subscription subsequent subset substantial substitute substitution substitutions substr substring subtle
subtract subtype succeed succeeded succeeds success successful successfully such sufficient suffix
suffixes suggested suggestion suggestions suitable suite sum summary super superclass superscript
supplied supplier supply supplying support supported supporting supports supposed suppress suppressed
sure surface surrogate surrounding svg switch symbol symbolic symbols symlink symlinks symmetric sync
synchronous synchronously syntax synthetic sys sysconfig system systems tab table tables tabulation tag
tagged tags tail take taken takes taking tal tan tape tar target targets task tasks tat tch team
technically ted tell tem temp tempfile template templates temporarily temporary ten ter term terminal
terminate terminated terminates terminating terminator terms tes test tested testing tests tex text
textwrap than that the their them themselves then thenable there therefore these they thing things third
this tho those though thread threading threads three threshold throttling through throughput throw
throwing thrown throws thus tia tic tick tilde tim time timed timeout timer times timestamp timestamps
timezone timing tin tio title tiv tls todo together token tokenize tokens tokensource too tool tools top
tor total tra trace traceback tracer tracing track tracker tracking traditional trailer trailers trailing
trait traits transaction transfer transferred transform transformed transformer transforms transient
transition translate translated translation transmission transparency transparent transport transporter
traversable traversal travis tre treat treated tree tri tries trigger triggered triggers trim tro tru
true truncate truncated trust trusted truthy try trying tsconfig tslib tte tuple tuples tur turn twice
two txt typ type typed typedef typename typeof types typescript typical typically typing ual uint ula
ulid ult ume unable unary unauthorized unavailable unbounded unc uncaught unchanged uncompressed und
undeclared undefined under underline underlying underscore underscores understand undici undocumented
unencoded unescape unescaped unevaluated unexpected unfortunately unhandled uni unicode uniform
unimplemented uninitialized uninterpreted union unions unique unit units unittest universal unix unknown
unless unlike unlimited unlink unmodified unnecessary unpack unpacked unprocessed unreachable
unrecognized unref unregister unresolved unsafe unset unshift unsigned unspecified unsupported unt
unterminated until untrusted unused unwrap update updated updates updating upgrade upon upper uppercase
upstream ure uri uricomponent url urlencoded urllib urlparse urls urlsearch usable usage usages use used
useful user userinfo username users uses using ust usually ute utf uti util utilities utility utils uuid
uuidv val valid validate validated validates validating validation validations validator validators
validity value values var variable variables variadic variant variants variation various vars vector vel
ven vendor vendors ver verb verbatim verbose verbosity verification verified verifier verifies verify
verifying version versionadded versions vertical very via view virtual virtualenv visible visit visited
visitor visitors vitest vocabularies vocabulary void vulnerability wait waiting walk want war warn
warning warnings warranties warranty was watch way ways weak weakref web webpack well were what whatever
whatsoever whatwg wheel when whenever where whereas whether which while white whitespace whole whose why
width wiki wikipedia wildcard wildcards will win window windows with within without won wor word words
work workaround worker workers workflow workflows working works workspace workspaces world would wrap
wrapped wrapper wrappers wrapping wraps wri writable write writer writes writing written wrong www xid
xml xxx xxxx xyz yaml year yellow yet yield yields you your ype yyy zero zip zipfile zod zzz
`
