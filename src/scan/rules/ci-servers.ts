import type { Rule } from '../engine/index.ts'

/** What may not stand before: the token would be the end of a longer word. */
const START = '(?:^|[^A-Za-z0-9_-])'
/** What must come after: there is no lookahead in RE2. */
const END = '(?:[^A-Za-z0-9_-]|$)'
/** The rest of a name and an assignment, as it stands in env, YAML, JSON, properties and code. */
const NAMED =
  '(?:[_.-]?(?:api|access|account|auth|cloud|master|personal|private|project|repo|reporter|secret|upload|user)){0,2}[_.-]?(?:key|token|secret)["\']?[ \\t]{0,5}(?:=>|:=|=|:)[ \\t]{0,5}["\']?'

export const ciServerRules: readonly Rule[] = [
  {
    id: 'sonarqube-token',
    title: 'SonarQube user, project or global analysis token',
    vendor: 'Sonar',
    source:
      'https://github.com/SonarSource/sonarqube/blob/master/server/sonar-webserver-auth/src/test/java/org/sonar/server/usertoken/TokenGeneratorImplTest.java',
    keywords: ['squ_', 'sqp_', 'sqa_', 'sqb_'],
    pattern: `${START}(sq[upab]_[0-9a-f]{40})${END}`,
    confidence: 'certain',
    distinct: true,
    entropy: 3,
    connection: 'http',
    revoke: 'My account, Security of the SonarQube server.',
    examples: {
      positive: [
        'SONAR_TOKEN=squ_{hex:40}',
        'mvn sonar:sonar -Dsonar.token=sqp_{hex:40}',
        'sonar.login=sqa_{hex:40}',
      ],
      negative: [
        'squ_{hex:20}',
        'sonar.token=sqp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
        'sqa_{upper:40}',
      ],
    },
  },
  {
    id: 'sonar-legacy-token',
    title: 'SonarQube or SonarCloud token (without prefix)',
    vendor: 'Sonar',
    source:
      'https://github.com/SonarSource/sonarqube/blob/0f33764b532d9447347c5b64beba0db18e3922ac/server/sonar-webserver-auth/src/main/java/org/sonar/server/usertoken/TokenGeneratorImpl.java',
    keywords: ['sonar'],
    pattern: `sonar(?:qube)?(?:[._-]login["']?[ \\t]{0,5}[=:][ \\t]{0,5}["']?|${NAMED})([0-9a-f]{40})${END}`,
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'My account, Security of the SonarQube server or of SonarCloud.',
    examples: {
      positive: ['SONAR_TOKEN={hex:40}', 'sonar.login={hex:40}', '"sonarcloud_api_token": "{hex:40}"'],
      negative: [
        'sonar.projectVersion={hex:40}',
        'SONAR_TOKEN={hex:32}',
        'SONAR_TOKEN=0000000000000000000000000000000000000000',
      ],
    },
  },
  {
    id: 'jenkins-api-token',
    title: 'Jenkins API token',
    vendor: 'Jenkins',
    source:
      'https://github.com/jenkinsci/jenkins/blob/master/core/src/main/java/jenkins/security/apitoken/ApiTokenStore.java',
    keywords: ['jenkins'],
    pattern: `jenkins${NAMED}(11[0-9a-f]{32})${END}`,
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'The user, Security, API tokens of the Jenkins server.',
    examples: {
      positive: ['JENKINS_API_TOKEN=11{hex:32}', 'jenkins_user_token: "11{hex:32}"'],
      negative: [
        'JENKINS_API_TOKEN={hex:20}',
        'jenkins_build = 11{hex:32}',
        'JENKINS_TOKEN=1100000000000000000000000000000000',
        'JENKINS_TOKEN=$TOKEN',
      ],
    },
  },
  {
    id: 'jenkins-credential-in-url',
    title: 'Jenkins API token in an address or in -u',
    vendor: 'Jenkins',
    source:
      'https://github.com/jenkinsci/jenkins/blob/master/core/src/main/java/jenkins/security/apitoken/ApiTokenStore.java',
    keywords: ['@jenkins', '//jenkins'],
    pattern:
      '(?:://|-u[ \\t]{0,3}["\']?|--user[ \\t=]{1,3}["\']?)[A-Za-z0-9_.-]{1,40}:(11[0-9a-f]{32})(?:@jenkins|["\']?[ \\t]{1,3}["\']?https?://jenkins)',
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'The user, Security, API tokens of the Jenkins server.',
    examples: {
      positive: [
        'curl -u ci:11{hex:32} https://jenkins.acme.test/job/app/build',
        'https://ci:11{hex:32}@jenkins.acme.test/job/app/build',
      ],
      negative: [
        'curl -u ci:$TOKEN https://jenkins.acme.test/',
        'curl -u ci:{hex:20} https://jenkins.acme.test/',
        'https://jenkins.acme.test/job/11{hex:32}',
      ],
    },
  },
  {
    id: 'jenkins-crumb',
    title: 'Jenkins CSRF crumb',
    vendor: 'Jenkins',
    source:
      'https://github.com/jenkinsci/jenkins/blob/master/core/src/main/java/hudson/security/csrf/DefaultCrumbIssuer.java',
    keywords: ['jenkins-crumb'],
    pattern: `Jenkins-Crumb["']?[ \\t]{0,5}[:=][ \\t]{0,5}["']?([0-9a-f]{64})${END}`,
    ignoreCase: true,
    confidence: 'possible',
    entropy: 3,
    connection: 'http',
    revoke: 'It ends with its session: log the user out of Jenkins.',
    examples: {
      positive: [
        'curl -H "Jenkins-Crumb: {hex:64}" https://ci.acme.test/job/app/build',
        "'Jenkins-Crumb': '{hex:64}'",
      ],
      negative: [
        'Jenkins-Crumb: $CRUMB',
        'Jenkins-Crumb: {hex:16}',
        'Jenkins-Crumb:0000000000000000000000000000000000000000000000000000000000000000',
      ],
    },
  },
  {
    id: 'teamcity-token',
    title: 'TeamCity access token',
    vendor: 'JetBrains',
    source: 'https://www.jetbrains.com/help/teamcity/rest/token.html',
    keywords: ['eyJ0eXAiOiAiVENWMiJ9'],
    pattern: `${START}(eyJ0eXAiOiAiVENWMiJ9[.][A-Za-z0-9_-]{20,120}[.][A-Za-z0-9+/=_-]{20,120})(?:[^A-Za-z0-9+/=_-]|$)`,
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'Profile, Access tokens of the TeamCity server.',
    examples: {
      positive: [
        'Authorization: Bearer eyJ0eXAiOiAiVENWMiJ9.{base64url:36}.{base64url:48}',
        'TEAMCITY_TOKEN=eyJ0eXAiOiAiVENWMiJ9.{base64url:36}.{base64url:48}',
      ],
      negative: [
        'eyJ0eXAiOiAiVENWMiJ9',
        'eyJ0eXAiOiAiVENWMiJ9.{base64url:8}',
        'eyJ0eXAiOiJKV1QiLCJh.{base64url:36}.{base64url:48}',
      ],
    },
  },
  {
    id: 'harness-token',
    title: 'Harness personal or service account token',
    vendor: 'Harness',
    source: 'https://developer.harness.io/docs/platform/Role-Based-Access-Control/add-and-manage-api-keys',
    keywords: ['pat.', 'sat.'],
    pattern: `${START}([ps]at[.][A-Za-z0-9_-]{22}[.][0-9a-f]{24}[.][A-Za-z0-9]{20})${END}`,
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'Profile, or the service account, API keys: delete the token.',
    examples: {
      positive: [
        'HARNESS_API_KEY=pat.{base64url:22}.{hex:24}.{alnum:20}',
        "curl -H 'x-api-key: sat.{base64url:22}.{hex:24}.{alnum:20}' https://app.harness.io/gateway/ng/api/projects",
      ],
      negative: [
        'pat.{base64url:22}.{hex:24}',
        'format.{alnum:22}.{hex:24}.{alnum:8}',
        'pat.ACCOUNT_ID.TOKEN_ID.SECRET',
      ],
    },
  },
  {
    id: 'octopus-api-key',
    title: 'Octopus Deploy API key',
    vendor: 'Octopus Deploy',
    source: 'https://octopus.com/docs/octopus-rest-api/examples/users-and-teams/create-api-key',
    keywords: ['API-'],
    pattern: `${START}(API-[A-Z0-9]{25,32})${END}`,
    confidence: 'likely',
    entropy: 3.4,
    connection: 'http',
    revoke: 'Profile, My API keys of the Octopus server.',
    examples: {
      positive: [
        'OCTOPUS_API_KEY=API-{uppernum:26}',
        'octo push --apiKey "API-{uppernum:32}" --server https://octopus.acme.test',
      ],
      negative: [
        'API-YOUR-KEY',
        'API-{uppernum:10}',
        'X-Octopus-ApiKey: API-XXXXXXXXXXXXXXXXXXXXXXXXXX',
        'API-{lower:26}',
      ],
    },
  },
]
