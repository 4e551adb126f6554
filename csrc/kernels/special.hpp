// Special functions of several arguments, in double precision.
#pragma once

namespace gradax::special {

double digamma(double x);

// The Hurwitz zeta function, the sum of (q + k)^-s over k >= 0.
double zeta(double s, double q);

// The m-th derivative of digamma; NaN unless m is 0, 1, 2 …
double polygamma(double m, double x);

// The regularized incomplete gamma functions P(a, x) and Q(a, x).
double igamma(double a, double x);
double igammac(double a, double x);

// dP/da, and the movement of a gamma sample with its shape, -(dP/da) / (dP/dx).
double igamma_slope(double a, double x);
double gamma_sample_slope(double a, double x);

// The regularized incomplete beta function I_x(a, b).
double betainc(double a, double b, double x);

}  // namespace gradax::special
