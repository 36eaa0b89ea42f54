// plan.html as the tool carries it; "%PLAN%" stands where the plan's JSON goes.
#ifndef BLUEC_COMPILER_DRIVER_PREDICT_REPORT_PLANPAGE_H
#define BLUEC_COMPILER_DRIVER_PREDICT_REPORT_PLANPAGE_H

namespace bluec {

extern const char planPage[];

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_PREDICT_REPORT_PLANPAGE_H
